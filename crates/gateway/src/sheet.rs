//! Tables as CSV for spreadsheets (RFC 4180, UTF-8 with its mark).

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};

/// Spreadsheets read UTF-8 as such only after this mark.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// `name` is a code of ours: letters, digits and dashes.
pub(crate) fn response<'a>(
    name: &str,
    head: impl IntoIterator<Item = &'a str>,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Response {
    let mut text = String::from(BYTE_ORDER_MARK);
    line(&mut text, head);
    for row in rows {
        line(&mut text, row.iter().map(String::as_str));
    }
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}.csv\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

fn line<'a>(text: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    for (n, cell) in cells.into_iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push_str(&quoted(cell));
    }
    text.push_str("\r\n");
}

/// Spreadsheets take a cell that begins like a formula for one: an apostrophe stands before it.
fn quoted(cell: &str) -> String {
    let formula = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if formula.is_empty() && !cell.contains(['"', ',', ';', '\n', '\r', '\t']) {
        return cell.to_owned();
    }
    format!("\"{formula}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn cells_are_text_and_never_formulas() {
        let rows = [vec!["=1+1".to_owned(), "a \"b\", c".into()], vec!["-3".into(), "87,5 %".into()]];
        let response = response("nong", ["@x", "y"], rows);
        assert_eq!(response.headers()[header::CONTENT_DISPOSITION], "attachment; filename=\"nong.csv\"");
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text, "\u{feff}\"'@x\",y\r\n\"'=1+1\",\"a \"\"b\"\", c\"\r\n\"'-3\",\"87,5 %\"\r\n");
    }
}
