//! A table of figures, as it stands on a page and in a sheet.

use axum::response::Response;

use crate::{language::Said, sheet};

/// One figure, or a name.
#[derive(Default)]
pub(in crate::pages) struct Cell {
    pub text: String,
    /// What it counts, or is a share or mean of; empty: there is no such list.
    pub href: String,
    pub number: bool,
    /// What the page says beside it.
    pub note: Said,
}

impl Cell {
    pub fn name(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub fn number(text: impl Into<String>) -> Self {
        Self { text: text.into(), number: true, ..Self::default() }
    }

    pub fn count(count: u32, href: String) -> Self {
        Self::share(count.to_string(), href)
    }

    /// Of all that the list has.
    pub fn share(text: String, href: String) -> Self {
        Self { text, href, number: true, ..Self::default() }
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

    /// As a file of that name.
    pub fn sheet(&self, name: &str) -> Response {
        let head = self.head.iter().map(|(name, _)| name.as_ref());
        let rows = self.rows.iter().map(|row| row.iter().map(|cell| cell.text.clone()).collect());
        sheet::response(name, head, rows)
    }
}
