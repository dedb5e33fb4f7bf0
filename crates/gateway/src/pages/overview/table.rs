//! A table of figures, as it stands on a page and in a sheet. Pure.

use crate::language::Said;

/// One figure, or a name.
pub(in crate::pages) struct Cell {
    pub text: String,
    /// What it counts; empty: it is no count.
    pub href: String,
    pub number: bool,
}

impl Cell {
    pub fn name(text: impl Into<String>) -> Self {
        Self { text: text.into(), href: String::new(), number: false }
    }

    pub fn number(text: impl Into<String>) -> Self {
        Self { text: text.into(), href: String::new(), number: true }
    }

    pub fn count(count: u32, href: String) -> Self {
        Self { text: count.to_string(), href, number: true }
    }
}

pub(in crate::pages) struct Table {
    pub head: Vec<(Said, bool)>,
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// The columns' names, those of numbers with `true`.
    pub fn new<const N: usize>(head: [(Said, bool); N]) -> Self {
        Self { head: head.into(), rows: Vec::new() }
    }
}
