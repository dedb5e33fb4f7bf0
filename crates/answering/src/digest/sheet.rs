//! A digest as a sheet that a working group fills in (CSV for any spreadsheet, DOCX for a word processor), and
//! as a page. Pure.

use chrono_tz::Tz;
use runtime::notify::escape;

use api::intake::v1::Kind;

use super::{Digest, Item, document};

/// A sheet, in bytes.
pub const BYTES_MAX: usize = 2 << 20;
pub(super) const ROWS_MAX: usize = 1_000;

/// Spreadsheets read UTF-8 as such only after this mark.
const BYTE_ORDER_MARK: char = '\u{feff}';

const DIGEST: &str = "Tổng hợp";
const ITEM: &str = "Mục";
const ANSWER: &str = "Trả lời";
const RETURN: &str = "Lý do trả lại";
const HEAD: [&str; 7] = [DIGEST, ITEM, "Loại", "Ngày hỏi", "Câu hỏi", ANSWER, RETURN];

/// What a group filled in for one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `covid-19/3`
    pub digest: String,
    pub item: u32,
    pub answer: String,
    pub return_reason: String,
}

/// Why a sheet can't be read; `row` counts from the one below the head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the sheet is larger than {BYTES_MAX} bytes")]
    TooLarge,
    #[error("the sheet has more than {ROWS_MAX} rows")]
    TooLong,
    #[error("the sheet has no column '{0}'")]
    Column(&'static str),
    #[error("the document can't be read: a DOCX file with the digest's table is expected")]
    Document,
    #[error("the sheet is no text in UTF-8")]
    Encoding,
    #[error("row {0} is no row of CSV")]
    Row(usize),
    #[error("row {0} has no item number")]
    Number(usize),
    #[error("item {0} is there twice")]
    Twice(u32),
}

/// The sheet to fill in.
pub fn write(digest: &Digest, items: &[Item], time_zone: Tz) -> String {
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in table(digest, items, time_zone) {
        csv.write_record(row.map(harmless)).expect("memory takes it, and rows are equally long");
    }
    let bytes = csv.into_inner().expect("memory takes it");
    format!("{BYTE_ORDER_MARK}{}", String::from_utf8(bytes).expect("it was UTF-8"))
}

/// The same, for a word processor.
pub fn write_document(digest: &Digest, items: &[Item], time_zone: Tz) -> Vec<u8> {
    document::write(digest, &table(digest, items, time_zone))
}

/// The head, and a row for each item that waits.
fn table(digest: &Digest, items: &[Item], time_zone: Tz) -> Vec<[String; 7]> {
    let label = digest.label();
    let rows = items.iter().filter(|item| item.waits()).map(|item| {
        let asked = api::time(item.question.submitted_at.as_ref());
        let asked = asked.map(|at| at.with_timezone(&time_zone).format("%d/%m/%Y").to_string());
        [
            label.clone(),
            item.number.to_string(),
            kind(item.question.kind()).to_owned(),
            asked.unwrap_or_default(),
            words(item),
            String::new(),
            String::new(),
        ]
    });
    std::iter::once(HEAD.map(str::to_owned)).chain(rows).collect()
}

/// The question with what its asker added.
fn words(item: &Item) -> String {
    let question = &item.question;
    question.follow_ups.iter().fold(question.text.clone(), |all, more| format!("{all}\n\nHỏi thêm: {more}"))
}

/// Spreadsheets take a cell that begins like this for a formula.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Question | Kind::Unspecified => "Câu hỏi",
        Kind::Recommendation => "Kiến nghị",
        Kind::Report => "Phản ánh",
        Kind::Opinion => "Xin ý kiến",
    }
}

/// Reads a sheet that was filled in, CSV or DOCX; columns may have changed places.
pub fn read(sheet: &[u8]) -> Result<Vec<Row>, Unreadable> {
    if sheet.len() > BYTES_MAX {
        return Err(Unreadable::TooLarge);
    }
    // Every DOCX is a ZIP file, and no text begins like one.
    if sheet.starts_with(b"PK\x03\x04") {
        return filled_in(document::read(sheet)?);
    }
    filled_in(records(str::from_utf8(sheet).map_err(|_| Unreadable::Encoding)?)?)
}

/// The records of a CSV file, its head first; `;` may part them.
fn records(text: &str) -> Result<Vec<Vec<String>>, Unreadable> {
    let text = text.trim_start_matches(BYTE_ORDER_MARK);
    let head = text.lines().next().unwrap_or_default();
    let delimiter = if head.matches(';').count() > head.matches(',').count() { b';' } else { b',' };
    let mut csv = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut records = Vec::new();
    for (n, record) in csv.records().enumerate() {
        if n > ROWS_MAX {
            return Err(Unreadable::TooLong);
        }
        let record = record.map_err(|_| Unreadable::Row(n))?;
        records.push(record.iter().map(str::to_owned).collect());
    }
    Ok(records)
}

fn filled_in(table: Vec<Vec<String>>) -> Result<Vec<Row>, Unreadable> {
    let mut records = table.into_iter();
    let head = records.next().unwrap_or_default();
    let column = |name: &'static str| {
        head.iter().position(|column| column.trim() == name).ok_or(Unreadable::Column(name))
    };
    let (digest, item) = (column(DIGEST)?, column(ITEM)?);
    let (answer, return_reason) = (column(ANSWER)?, column(RETURN)?);
    let mut rows: Vec<Row> = Vec::new();
    for (n, record) in (1..).zip(records) {
        let cell = |column: usize| record.get(column).map_or("", |cell| cell.trim()).to_owned();
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let row = Row {
            digest: cell(digest),
            item: cell(item).parse().map_err(|_| Unreadable::Number(n))?,
            answer: cell(answer),
            return_reason: cell(return_reason),
        };
        if rows.iter().any(|other| other.item == row.item) {
            return Err(Unreadable::Twice(row.item));
        }
        rows.push(row);
    }
    Ok(rows)
}

/// The digest as a page to read.
pub fn page(digest: &Digest, items: &[Item]) -> String {
    let rows = items.iter().filter(|item| item.waits()).map(|item| {
        let words = escape(&words(item)).replace('\n', "<br>\n");
        format!("<tr><td>{}</td><td>{}</td><td>{words}</td></tr>\n", item.number, kind(item.question.kind()))
    });
    let (title, rows) =
        (escape(&format!("{} – {}", digest.label(), digest.group_name)), rows.collect::<String>());
    format!(
        "<!doctype html>\n<html lang=\"vi\"><meta charset=\"utf-8\"><title>{title}</title>\n<h1>{title}</h1>\n\
         <p>SHA-256: {}</p>\n<table border=\"1\" cellpadding=\"6\">\n\
         <tr><th>{ITEM}</th><th>Loại</th><th>Câu hỏi</th></tr>\n{rows}</table>\n</html>\n",
        digest.sha256
    )
}

#[cfg(test)]
pub(super) mod tests {
    use api::{TicketId, intake::v1::Question};
    use chrono::DateTime;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::digest::State;

    pub(in crate::digest) fn digest() -> Digest {
        Digest {
            digest_id: Uuid::nil(),
            code: "covid-19".into(),
            number: 3,
            group_code: "to-cong-tac".into(),
            group_name: "Tổ <công tác>".into(),
            unit: "mot-cua".into(),
            gathered_at: DateTime::UNIX_EPOCH,
            due_at: DateTime::UNIX_EPOCH,
            manifest: String::new(),
            sha256: "ab".into(),
            reminded: 0,
            closed_at: None,
        }
    }

    fn item(number: u32, text: &str) -> Item {
        let at = Some(api::timestamp(DateTime::UNIX_EPOCH));
        let question = Question { text: text.into(), submitted_at: at, ..Question::default() };
        Item { number, ticket_id: TicketId(Uuid::nil()), question, state: State::Gathered }
    }

    fn sheet(items: &[Item]) -> String {
        write(&digest(), items, chrono_tz::Asia::Ho_Chi_Minh)
    }

    #[test]
    fn a_filled_in_sheet_reads_back_whatever_the_spreadsheet_did_to_it() {
        let sent = sheet(&[item(1, "Xin hỏi,\n\"thẻ\"; ở đâu?"), item(2, "=1+1")]);
        assert!(sent.contains("'=1+1") && sent.contains("01/01/1970"), "{sent}");
        let untouched = read(sent.as_bytes()).unwrap();
        assert_eq!(untouched.len(), 2);
        let empty = |row: &Row| row.answer.is_empty() && row.return_reason.is_empty();
        assert!(untouched.iter().all(|row| empty(row) && row.digest == "covid-19/3"), "{untouched:?}");
        let filled = "Mục;Trả lời;Tổng hợp;Lý do trả lại\r\n2;\"Có; được\";covid-19/3;\r\n;;;\r\n1;;covid-19/3;Ngoài phạm vi\r\n";
        let rows = read(filled.as_bytes()).unwrap();
        assert_eq!((rows[0].item, rows[0].answer.as_str()), (2, "Có; được"));
        assert_eq!((rows[1].item, rows[1].return_reason.as_str()), (1, "Ngoài phạm vi"));
    }

    #[test]
    fn what_is_no_sheet_is_refused_with_the_place() {
        let head = "Tổng hợp,Mục,Trả lời,Lý do trả lại\n";
        for (text, why) in [
            (String::new(), Unreadable::Column(DIGEST)),
            ("Tổng hợp,Mục\n".into(), Unreadable::Column(ANSWER)),
            (format!("{head}covid-19/3,hai,x,\n"), Unreadable::Number(1)),
            (format!("{head}covid-19/3,1,x,\ncovid-19/3,1,y,\n"), Unreadable::Twice(1)),
            ("x".repeat(BYTES_MAX + 1), Unreadable::TooLarge),
        ] {
            assert_eq!(read(text.as_bytes()), Err(why));
        }
    }

    #[test]
    fn the_page_is_never_the_askers_markup() {
        let page = page(&digest(), &[item(1, "<script>alert(1)</script>")]);
        assert!(!page.contains("<script>") && page.contains("Tổ &lt;công tác&gt;"), "{page}");
    }

    proptest! {
        #[test]
        fn every_question_survives_the_sheet(texts in prop::collection::vec("\\PC{1,40}", 1..5)) {
            let items: Vec<Item> = (1..).zip(&texts).map(|(n, text)| item(n, text)).collect();
            let rows = read(sheet(&items).as_bytes()).unwrap();
            prop_assert_eq!(rows.iter().map(|row| row.item).collect::<Vec<_>>(),
                            items.iter().map(|item| item.number).collect::<Vec<_>>());
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "(\\PC|[\n;,\"]){0,200}") {
            let _ = read(text.as_bytes());
            let _ = read(format!("Tổng hợp;Mục;Trả lời;Lý do trả lại\n{text}").as_bytes());
        }
    }
}
