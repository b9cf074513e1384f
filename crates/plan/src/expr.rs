//! Policy expressions: CEL over `person`, compiled once; what is only a copy or a concatenation is not interpreted.
//!
//! `person` has `key`, `active` (bool), `tenure_days` (int), `starts`, `ends` and `time_zone` (text, `""` when unknown), `idp` (what identity providers said, by source) and every column
//! of the roster as text.  A column that a person has no value in is `""`, never an error; `has(person.x)` says whether it is not `""`.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cel::common::ast::{CallExpr, EntryExpr, Expr as Ast, IdedExpr, LiteralValue, SelectExpr, operators};
use cel::objects::{Key, Map};
use cel::{Context, Env, ExecutionError, Value as CelValue};
use model::{Person, Text};

/// What `person` always has, whatever the columns of the roster.
const RESERVED: &[&str] = &["active", "ends", "idp", "key", "starts", "tenure_days", "time_zone"];

/// How long an expression may be, in bytes; how deep its brackets and its operations may go.
const LONGEST: usize = 4000;
const DEEPEST: usize = 40;
/// The stack that expressions within these limits are compiled with, in bytes; what is not used is never taken.
const STACK: usize = 64 << 20;

/// What an expression gave.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    Text(Text),
    Bool(bool),
    Int(i64),
    List(Vec<Text>),
}

/// What an expression gives, where that can be told without running it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Bool,
    Int,
    List,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bool => "true or false",
            Self::Int => "a number",
            Self::List => "a list",
        }
    }
}

#[derive(Debug)]
enum Part {
    Literal(String),
    Attribute(String),
}

#[derive(Debug)]
enum Form {
    /// `person.active`.
    Active,
    /// Copies and concatenations of attributes and literals.
    Parts(Vec<Part>),
    /// Anything else.
    Cel(IdedExpr),
}

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) text: String,
    pub(crate) kind: Option<Kind>,
    /// The columns of the roster that it reads; the reserved names are not among them.
    pub(crate) reads: BTreeSet<String>,
    form: Form,
}

/// What is known about one person in one app when an expression runs.
pub(crate) struct Facts<'a> {
    pub(crate) person: &'a Person,
    pub(crate) active: bool,
    pub(crate) tenure_days: i64,
}

impl Facts<'_> {
    /// An attribute as text; the reserved names win over columns of the same name.
    pub(crate) fn text(&self, name: &str) -> Text {
        let day = |day: Option<jiff::civil::Date>| day.map_or_else(Text::default, |day| day.to_string().into());
        match name {
            "key" => self.person.key.as_str().into(),
            "starts" => day(self.person.starts),
            "ends" => day(self.person.ends),
            "time_zone" => self.person.zone.clone().unwrap_or_else(|| self.person.get(name).into()),
            _ => self.person.get(name).into(),
        }
    }
}

/// The names of one app's interpreted expressions, shared by all its people.
#[derive(Debug, Default)]
pub(crate) struct Names {
    attributes: BTreeSet<Arc<String>>,
    /// An expression indexes `person` by something computed: every column has to be there.
    dynamic: bool,
}

impl Names {
    /// Whether any of them may read how long somebody has been here.
    pub(crate) fn reads_tenure(&self) -> bool {
        self.dynamic || self.attributes.iter().any(|name| name.as_str() == "tenure_days")
    }
}

/// Where expressions run: functions once per thread, `person` once per person.
pub(crate) struct Machine {
    root: Context<'static, 'static>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let mut env = Env::stdlib();
        env.add_extension(cel::extensions::strings).expect("the library's own extension does not clash with its standard library");
        Self { root: Context::with_env(Arc::new(env)) }
    }
}

/// One person's values for the expressions of one app.
pub(crate) struct Scope<'m, 'a> {
    machine: &'m Machine,
    names: &'m Names,
    pub(crate) facts: Facts<'a>,
    inner: OnceCell<Context<'m, 'static>>,
}

impl<'m, 'a> Scope<'m, 'a> {
    pub(crate) fn new(machine: &'m Machine, names: &'m Names, facts: Facts<'a>) -> Self {
        Self { machine, names, facts, inner: OnceCell::new() }
    }

    fn context(&self) -> &Context<'m, 'static> {
        self.inner.get_or_init(|| {
            let text = |name: &str| CelValue::String(Arc::new(self.facts.text(name).into()));
            let mut map = HashMap::with_capacity(self.names.attributes.len() + 2);
            if self.names.dynamic {
                for name in self.facts.person.attributes.keys().map(Text::as_str).chain(["key", "starts", "ends", "time_zone"]) {
                    map.insert(Key::String(Arc::new(name.to_owned())), text(name));
                }
            }
            for name in &self.names.attributes {
                map.insert(Key::String(Arc::clone(name)), text(name));
            }
            if self.names.dynamic || self.names.attributes.iter().any(|name| name.as_str() == "idp") {
                map.insert(Key::String(Arc::new("idp".into())), words(self.facts.person));
            }
            map.insert(Key::String(Arc::new("active".into())), CelValue::Bool(self.facts.active));
            map.insert(Key::String(Arc::new("tenure_days".into())), CelValue::Int(self.facts.tenure_days));
            let mut inner = self.machine.root.new_inner_scope();
            inner.add_variable_from_value("person", CelValue::Map(Map { map: Arc::new(map) }));
            inner
        })
    }
}

impl Program {
    /// Compiles the text and adds what it reads of `person` to `names`.
    pub(crate) fn compile(text: &str, names: &mut Names) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("it is longer than {LONGEST} bytes; use a map, or let the roster say it"));
        }
        if brackets(text) > DEEPEST {
            return Err(format!("it goes deeper than {DEEPEST} brackets"));
        }
        // The parser takes a great deal of stack for each level: it gets a stack that suffices for all that the limits let through.
        std::thread::scope(|scope| {
            let compiling = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || Self::compile_here(text, names));
            match compiling.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(compiled)) => compiled,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                Err(error) => Err(format!("there is no thread to compile it in: {error}")),
            }
        })
    }

    fn compile_here(text: &str, names: &mut Names) -> Result<Self, String> {
        let mut env = Env::stdlib();
        env.add_extension(cel::extensions::strings).expect("the library's own extension does not clash with its standard library");
        let program = env.compile(text).map_err(|errors| {
            errors.errors.iter().map(|error| format!("{} (column {})", error.msg, error.pos.1)).collect::<Vec<_>>().join("; ")
        })?;
        if depth(program.expression()) > DEEPEST {
            return Err(format!("it goes deeper than {DEEPEST} operations, one within the other; use a map, or let the roster say it"));
        }
        let mut tree = program.expression().clone();
        let mut walk = Walk { names: Names::default(), bound: Vec::new(), unknown: None };
        walk.visit(&mut tree);
        if let Some(unknown) = walk.unknown {
            return Err(format!("`{unknown}` is not known here; expressions read `person`, e.g. `person.email`"));
        }
        let kind = kind_of(&tree);
        let mut parts = Vec::new();
        let form = if is_person(&tree, "active") {
            Form::Active
        } else if flatten(&tree, &mut parts) {
            Form::Parts(parts)
        } else {
            Form::Cel(tree)
        };
        let reads =
            walk.names.attributes.iter().map(|name| name.as_str()).filter(|name| !RESERVED.contains(name)).map(str::to_owned).collect();
        let compiled = Self { text: text.to_owned(), kind, reads, form };
        if let Form::Cel(tree) = &compiled.form {
            undeclared(tree, &walk.names)?;
            names.dynamic |= walk.names.dynamic;
            names.attributes.extend(walk.names.attributes);
        }
        Ok(compiled)
    }

    /// Runs it.  An error is in words, naming the expression.
    pub(crate) fn run(&self, scope: &Scope<'_, '_>) -> Result<Given, String> {
        match &self.form {
            Form::Active => Ok(Given::Bool(scope.facts.active)),
            Form::Parts(parts) => Ok(Given::Text(match parts.as_slice() {
                [Part::Attribute(name)] => scope.facts.text(name),
                parts => parts.iter().fold(Text::default(), |mut text, part| {
                    match part {
                        Part::Literal(literal) => text.push_str(literal),
                        Part::Attribute(name) => text.push_str(&scope.facts.text(name)),
                    }
                    text
                }),
            })),
            Form::Cel(tree) => match CelValue::resolve(tree, scope.context()) {
                Ok(value) => given(value).map_err(|what| format!("`{}` gives {what}", self.text)),
                Err(error) => Err(format!("`{}`: {error}", self.text)),
            },
        }
    }

    /// Runs it where true or false is wanted.
    pub(crate) fn holds(&self, scope: &Scope<'_, '_>) -> Result<bool, String> {
        match self.run(scope)? {
            Given::Bool(yes) => Ok(yes),
            _ => Err(format!("`{}` must be true or false", self.text)),
        }
    }

    /// Runs it where one text is wanted; numbers are written out.
    pub(crate) fn text_of(&self, scope: &Scope<'_, '_>) -> Result<Text, String> {
        match self.run(scope)? {
            Given::Text(text) => Ok(text),
            Given::Int(number) => Ok(number.to_string().into()),
            Given::Bool(_) | Given::List(_) => Err(format!("`{}` must be text", self.text)),
        }
    }

    /// Runs it where names are wanted: one text or a list of them; blank ones are left out.
    pub(crate) fn names_of(&self, scope: &Scope<'_, '_>) -> Result<Vec<Text>, String> {
        let mut names = match self.run(scope)? {
            Given::Text(text) => vec![text],
            Given::List(list) => list,
            Given::Int(_) | Given::Bool(_) => return Err(format!("`{}` must be a name or a list of names", self.text)),
        };
        names.retain(|name| !name.trim().is_empty());
        Ok(names)
    }
}

/// What identity providers said, by source: `active`, `groups`, `said`, `state`.  One that said nothing of the person is not there, and who
/// asks for its word gets an error: nothing is done for somebody because nothing was said (P4).
fn words(person: &Person) -> CelValue {
    let text = |text: String| CelValue::String(Arc::new(text));
    let map = |pairs: &mut dyn Iterator<Item = (String, CelValue)>| {
        CelValue::Map(Map { map: Arc::new(pairs.map(|(name, value)| (Key::String(Arc::new(name)), value)).collect()) })
    };
    let word = |word: &model::IdpWord| {
        let groups = word.groups.iter().map(|group| text(group.to_string())).collect();
        let members = [
            ("active", CelValue::Bool(word.state == model::IdpState::Active)),
            ("groups", CelValue::List(Arc::new(groups))),
            ("said", text(word.said.to_string())),
            ("state", text(word.state.word().to_owned())),
        ];
        map(&mut members.into_iter().map(|(name, value)| (name.to_owned(), value)))
    };
    map(&mut person.idp.iter().map(|(source, said)| (source.to_string(), word(said))))
}

fn given(value: CelValue) -> Result<Given, &'static str> {
    Ok(match value {
        CelValue::String(text) => Given::Text(text.as_str().into()),
        CelValue::Bool(yes) => Given::Bool(yes),
        CelValue::Int(number) => Given::Int(number),
        CelValue::UInt(number) => Given::Int(i64::try_from(number).map_err(|_| "a number beyond 64 bits")?),
        CelValue::Null => Given::Text(Text::default()),
        CelValue::List(items) => Given::List(
            items
                .iter()
                .map(|item| match item {
                    CelValue::String(text) => Ok(text.as_str().into()),
                    _ => Err("a list of something else than text"),
                })
                .collect::<Result<_, _>>()?,
        ),
        _ => return Err("something that is neither text, a number, true or false, nor a list of text"),
    })
}

/// Finds functions that do not exist by running it once over a blank person: a call that is not known fails for everybody.
fn undeclared(tree: &IdedExpr, names: &Names) -> Result<(), String> {
    let machine = Machine::new();
    let blank = Person {
        key: "".into(),
        standing: model::Standing::Active,
        starts: None,
        ends: None,
        zone: None,
        idp: Default::default(),
        attributes: Default::default(),
    };
    let scope = Scope::new(&machine, names, Facts { person: &blank, active: true, tenure_days: 0 });
    match CelValue::resolve(tree, scope.context()) {
        Err(ExecutionError::UndeclaredReference(name)) => Err(format!("there is no function `{name}`")),
        _ => Ok(()),
    }
}

/// Collects what is read of `person`, and turns `has(person.x)` into `person.x != ""`.
struct Walk {
    names: Names,
    bound: Vec<String>,
    unknown: Option<String>,
}

impl Walk {
    fn visit(&mut self, node: &mut IdedExpr) {
        let mut whole = None;
        match &mut node.expr {
            Ast::Ident(name) => {
                if name == "person" {
                    self.names.dynamic = true;
                } else if !self.bound.contains(name) && !name.starts_with('@') && !TYPES.contains(&name.as_str()) {
                    self.unknown.get_or_insert_with(|| name.clone());
                }
            }
            Ast::Select(select) if is_ident(&select.operand, "person") => {
                self.names.attributes.insert(Arc::new(select.field.clone()));
                if select.test {
                    select.test = false;
                    whole = Some(node.clone());
                }
            }
            Ast::Select(select) => self.visit(&mut select.operand),
            Ast::Call(call) => {
                if let (operators::INDEX, [target, index]) = (call.func_name.as_str(), call.args.as_slice())
                    && is_ident(target, "person")
                    && let Ast::Literal(LiteralValue::String(field)) = &index.expr
                {
                    let field = field.inner().to_owned();
                    self.names.attributes.insert(Arc::new(field.clone()));
                    node.expr = Ast::Select(SelectExpr { operand: Box::new(target.clone()), field, test: false });
                    return;
                }
                if let Some(target) = &mut call.target {
                    self.visit(target);
                }
                call.args.iter_mut().for_each(|arg| self.visit(arg));
            }
            Ast::List(list) => list.elements.iter_mut().for_each(|element| self.visit(element)),
            Ast::Map(map) => map.entries.iter_mut().for_each(|entry| self.entry(&mut entry.expr)),
            Ast::Struct(object) => object.entries.iter_mut().for_each(|entry| self.entry(&mut entry.expr)),
            Ast::Comprehension(comprehension) => {
                self.visit(&mut comprehension.iter_range);
                let before = self.bound.len();
                self.bound.push(comprehension.iter_var.clone());
                self.bound.extend(comprehension.iter_var2.clone());
                self.bound.push(comprehension.accu_var.clone());
                self.visit(&mut comprehension.accu_init);
                self.visit(&mut comprehension.loop_cond);
                self.visit(&mut comprehension.loop_step);
                self.visit(&mut comprehension.result);
                self.bound.truncate(before);
            }
            Ast::Literal(_) | Ast::Unspecified => {}
        }
        if let Some(select) = whole {
            let blank = IdedExpr { id: node.id, expr: Ast::Literal(LiteralValue::String("".to_owned().into())) };
            node.expr = Ast::Call(CallExpr { func_name: operators::NOT_EQUALS.into(), target: None, args: vec![select, blank] });
        }
    }

    fn entry(&mut self, entry: &mut EntryExpr) {
        match entry {
            EntryExpr::StructField(field) => self.visit(&mut field.value),
            EntryExpr::MapEntry(pair) => {
                self.visit(&mut pair.key);
                self.visit(&mut pair.value);
            }
        }
    }
}

/// Names of CEL's own types, which stand where a variable could.
const TYPES: &[&str] =
    &["bool", "bytes", "double", "duration", "int", "list", "map", "null_type", "string", "timestamp", "type", "uint"];

/// How deep brackets go; those in a text count too, which at worst refuses what nobody writes.
fn brackets(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// How many operations are one within the other.
fn depth(node: &IdedExpr) -> usize {
    let deepest = |nodes: &mut dyn Iterator<Item = &IdedExpr>| nodes.map(depth).max().unwrap_or(0);
    let entry = |entry: &EntryExpr| match entry {
        EntryExpr::StructField(field) => depth(&field.value),
        EntryExpr::MapEntry(pair) => depth(&pair.key).max(depth(&pair.value)),
    };
    1 + match &node.expr {
        Ast::Select(select) => depth(&select.operand),
        Ast::Call(call) => deepest(&mut call.target.as_deref().into_iter().chain(&call.args)),
        Ast::List(list) => deepest(&mut list.elements.iter()),
        Ast::Map(map) => map.entries.iter().map(|item| entry(&item.expr)).max().unwrap_or(0),
        Ast::Struct(object) => object.entries.iter().map(|item| entry(&item.expr)).max().unwrap_or(0),
        Ast::Comprehension(it) => {
            let parts: [&IdedExpr; 5] = [&it.iter_range, &it.accu_init, &it.loop_cond, &it.loop_step, &it.result];
            deepest(&mut parts.into_iter())
        }
        Ast::Ident(_) | Ast::Literal(_) | Ast::Unspecified => 0,
    }
}

fn is_ident(node: &IdedExpr, name: &str) -> bool {
    matches!(&node.expr, Ast::Ident(ident) if ident == name)
}

fn is_person(node: &IdedExpr, field: &str) -> bool {
    matches!(&node.expr, Ast::Select(select) if !select.test && select.field == field && is_ident(&select.operand, "person"))
}

/// Takes a concatenation of text attributes and literals apart; false when it is anything else.
fn flatten(node: &IdedExpr, parts: &mut Vec<Part>) -> bool {
    match &node.expr {
        Ast::Literal(LiteralValue::String(text)) => parts.push(Part::Literal(text.inner().to_owned())),
        Ast::Select(select)
            if is_ident(&select.operand, "person") && !matches!(select.field.as_str(), "active" | "tenure_days" | "idp") =>
        {
            parts.push(Part::Attribute(select.field.clone()));
        }
        Ast::Call(call) if call.func_name == operators::ADD => return call.args.iter().all(|arg| flatten(arg, parts)),
        _ => return false,
    }
    true
}

fn kind_of(node: &IdedExpr) -> Option<Kind> {
    match &node.expr {
        Ast::Literal(LiteralValue::String(_)) => Some(Kind::Text),
        Ast::Literal(LiteralValue::Boolean(_)) => Some(Kind::Bool),
        Ast::Literal(LiteralValue::Int(_)) => Some(Kind::Int),
        Ast::List(_) => Some(Kind::List),
        Ast::Select(select) if is_ident(&select.operand, "person") => Some(match select.field.as_str() {
            "active" => Kind::Bool,
            "tenure_days" => Kind::Int,
            "idp" => return None,
            _ => Kind::Text,
        }),
        Ast::Call(call) => match call.func_name.as_str() {
            operators::EQUALS | operators::NOT_EQUALS | operators::LESS | operators::LESS_EQUALS | operators::GREATER => {
                Some(Kind::Bool)
            }
            operators::GREATER_EQUALS | operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT => Some(Kind::Bool),
            operators::IN | "contains" | "startsWith" | "endsWith" => Some(Kind::Bool),
            "size" => Some(Kind::Int),
            operators::CONDITIONAL => match call.args.as_slice() {
                // Each side is looked at once: twice would double with every level.
                [_, yes, no] => kind_of(yes).filter(|kind| kind_of(no) == Some(*kind)),
                _ => None,
            },
            operators::ADD => call.args.first().and_then(kind_of),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn person(pairs: &[(&str, &str)]) -> Person {
        Person {
            key: "7".into(),
            standing: model::Standing::Active,
            starts: Some(jiff::civil::date(1998, 3, 2)),
            ends: None,
            zone: None,
            idp: Default::default(),
            attributes: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    fn run(text: &str, person: &Person) -> Result<Given, String> {
        let mut names = Names::default();
        let program = Program::compile(text, &mut names)?;
        let machine = Machine::new();
        let scope = Scope::new(&machine, &names, Facts { person, active: true, tenure_days: 12 });
        program.run(&scope)
    }

    #[test]
    fn copies_and_concatenations_are_not_interpreted_and_say_the_same() {
        let person = person(&[("given_name", "Ada"), ("family_name", "Löwe")]);
        for (text, fast) in [("person.given_name + \" \" + person.family_name", true), ("person.given_name.trim() + ' Löwe'", false)] {
            let program = Program::compile(text, &mut Names::default()).unwrap();
            assert_eq!(matches!(program.form, Form::Parts(_)), fast, "{text}");
            assert_eq!(run(text, &person), Ok(Given::Text("Ada Löwe".into())), "{text}");
        }
    }

    #[test]
    fn a_missing_column_is_blank_and_has_says_so() {
        let person = person(&[("title", "Engineering Manager")]);
        assert_eq!(run("person.nickname", &person), Ok(Given::Text(Text::default())));
        assert_eq!(run("person.nickname.size() == 0", &person), Ok(Given::Bool(true)));
        assert_eq!(run("has(person.nickname)", &person), Ok(Given::Bool(false)));
        assert_eq!(run("has(person.title)", &person), Ok(Given::Bool(true)));
        assert_eq!(run("person['title']", &person), Ok(Given::Text("Engineering Manager".into())));
        assert_eq!(run(r#"person.title.contains("Manager") ? "manager" : "learner""#, &person), Ok(Given::Text("manager".into())));
        assert_eq!(run("person.tenure_days < 90 && person.starts > '1998-01-01'", &person), Ok(Given::Bool(true)));
        assert_eq!(run("['a', 'b'].filter(x, x != person.title)", &person), Ok(Given::List(vec!["a".into(), "b".into()])));
    }

    #[test]
    fn mistakes_are_found_while_compiling() {
        let error = |text: &str| Program::compile(text, &mut Names::default()).unwrap_err();
        assert!(error("person.email ==").contains("column"), "{}", error("person.email =="));
        assert!(error("persn.email").contains("`persn` is not known"));
        assert!(error("person.email.lowercase()").contains("no function `lowercase`"), "{}", error("person.email.lowercase()"));
    }

    #[test]
    fn an_error_at_run_time_names_the_expression() {
        let error = run("person.tenure_days + person.title == 'x'", &person(&[])).unwrap_err();
        assert!(error.contains("person.tenure_days + person.title"), "{error}");
    }
}
