//! Pictures, drawn on the server as SVG: whoever cannot see them finds what they say in a table or in words beside them.

use askama::Template;
use jiff::Timestamp;

/// A person and their accounts, one below the other, each at the end of a line.
#[derive(Template)]
#[template(path = "graph.html")]
pub(super) struct Graph {
    person: String,
    height: usize,
    accounts: Vec<Node>,
}

struct Node {
    app: String,
    account: Option<String>,
    state: &'static str,
    /// The middle of its box.
    y: usize,
}

impl Graph {
    /// Of somebody of this name, with app, account and its state in a word for each.
    pub(super) fn new(person: &str, accounts: Vec<(String, Option<String>, &'static str)>) -> Self {
        let node = |(at, (app, account, state)): (usize, (String, Option<String>, &'static str))| Node {
            app,
            account: account.map(|account| shortened(&account)),
            state,
            y: 110 + at * 70,
        };
        let accounts: Vec<Node> = accounts.into_iter().enumerate().map(node).collect();
        Self { person: shortened(person), height: 70 + accounts.len() * 70, accounts }
    }
}

/// What fits into a box.
fn shortened(text: &str) -> String {
    const FITS: usize = 34;
    match text.char_indices().nth(FITS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// One thing counted over time: a bar for each span, and the same as a table.
#[derive(Template)]
#[template(path = "bars.html")]
pub(super) struct Bars {
    /// Tells it from the other pictures of the page.
    id: &'static str,
    title: String,
    /// What the spans, the bars above and the bars below are.
    heads: [&'static str; 3],
    bars: Vec<Bar>,
}

struct Bar {
    what: String,
    above: u64,
    below: u64,
    x: usize,
    width: usize,
    above_height: usize,
    below_height: usize,
}

const WIDTH: usize = 720;
const HALF: usize = 70;

impl Bars {
    /// Of these spans: what each is called, how many are above the line and how many below.  None where there is nothing to draw.
    pub(super) fn new(id: &'static str, title: &str, heads: [&'static str; 3], counted: Vec<(String, u64, u64)>) -> Option<Self> {
        let most = counted.iter().map(|(_, above, below)| *above.max(below)).max().filter(|most| *most > 0)?;
        let step = WIDTH / counted.len();
        // Whatever is not nothing can be seen.
        let height = |count: u64| if count == 0 { 0 } else { ((count as usize * HALF) / most as usize).max(2) };
        let bar = |(at, (what, above, below)): (usize, (String, u64, u64))| Bar {
            what,
            above,
            below,
            x: at * step + step / 10,
            width: (step * 8 / 10).clamp(1, 60),
            above_height: height(above),
            below_height: height(below),
        };
        Some(Self { id, title: title.to_owned(), heads, bars: counted.into_iter().enumerate().map(bar).collect() })
    }

    fn has_below(&self) -> bool {
        self.bars.iter().any(|bar| bar.below > 0)
    }

    fn height(&self) -> usize {
        if self.has_below() { 2 * HALF + 4 } else { HALF + 4 }
    }
}

/// Parts of a whole over time: a line for each thing, and the same as a table.
#[derive(Template)]
#[template(path = "lines.html")]
pub(super) struct Lines {
    /// Tells it from the other pictures of the page.
    id: &'static str,
    title: String,
    /// The lowest per cent that is drawn; the top is the whole.
    floor: f64,
    lines: Vec<Line>,
    first: Timestamp,
    last: Timestamp,
    table: Vec<(Timestamp, Vec<String>)>,
}

struct Line {
    name: String,
    /// Which of the line styles it has.
    style: usize,
    path: String,
    /// What it comes to in the end.
    now: String,
}

/// How many of how many there were at a time, for each line; none where it is not known.
type Instant = (Timestamp, Vec<Option<(u64, u64)>>);

/// How many styles of lines there are.
const STYLES: usize = 4;
const HEIGHT: f64 = 150.0;

impl Lines {
    /// Of these things at these instants, which are in order: for each how many of how many, where that is known.  None where there is no course
    /// to be drawn.
    pub(super) fn new(id: &'static str, title: &str, names: &[String], course: &[Instant]) -> Option<Self> {
        let (first, last) = (course.first()?.0, course.last().filter(|_| course.len() > 1)?.0);
        let per_cent =
            |counted: &Option<(u64, u64)>| counted.filter(|(_, of)| *of > 0).map(|(count, of)| count as f64 * 100.0 / of as f64);
        let lowest = course.iter().flat_map(|(_, counted)| counted.iter().filter_map(per_cent)).fold(100.0, f64::min);
        let floor = ((lowest / 10.0).floor() * 10.0).min(90.0);
        let span = (last.as_millisecond() - first.as_millisecond()).max(1) as f64;
        let x = |at: &Timestamp| (at.as_millisecond() - first.as_millisecond()) as f64 * WIDTH as f64 / span;
        let y = |per_cent: f64| 2.0 + (100.0 - per_cent.min(100.0)) * (HEIGHT - 4.0) / (100.0 - floor);
        let line = |(place, name): (usize, &String)| {
            let points = course.iter().filter_map(|(at, counted)| Some((x(at), counted.get(place).and_then(per_cent)?)));
            let points: Vec<(f64, f64)> = points.collect();
            let pen =
                |(at, (x, per_cent)): (usize, &(f64, f64))| format!("{} {x:.1} {:.1}", if at == 0 { "M" } else { "L" }, y(*per_cent));
            let now = points.last().map(|(_, per_cent)| format!("{per_cent:.1} %")).unwrap_or_default();
            let path = points.iter().enumerate().map(pen).collect::<Vec<_>>().join(" ");
            Line { name: name.clone(), style: place % STYLES, path, now }
        };
        let words =
            |counted: &Option<(u64, u64)>| counted.map_or_else(|| "not read".to_owned(), |(count, of)| format!("{count} of {of}"));
        let row = |(at, counted): &Instant| (*at, counted.iter().map(words).collect());
        let lines = names.iter().enumerate().map(line).collect();
        Some(Self { id, title: title.to_owned(), floor, lines, first, last, table: course.iter().rev().map(row).collect() })
    }
}
