//! Pictures, drawn on the server as SVG: whoever cannot see them finds what they say in a table or in words beside them.

use askama::Template;

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
