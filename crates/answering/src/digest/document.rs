//! A digest as a document of a word processor (DOCX) with the sheet's table, to fill in. Pure.

use std::io::{BufRead, BufReader, Cursor, Read as _};

use docx_rs::{
    BreakType, Docx, PageOrientationType, Paragraph, Run, RunFonts, Table, TableCell, TableRow, WidthType,
};
use quick_xml::{
    Reader,
    events::{BytesRef, Event},
};

use super::{
    Digest,
    sheet::{ROWS_MAX, Unreadable},
};

/// The document's text once it is unpacked, in bytes: a few kilobytes can unpack to gigabytes.
const UNPACKED_MAX: u64 = 16 << 20;
/// The columns of `sheet::HEAD`, in twentieths of a point; A4 on its side has 14,000 between its margins.
const WIDTHS: [usize; 7] = [1_200, 700, 1_100, 1_200, 4_600, 3_700, 1_500];
/// What official letters are written with: Decree 30/2020/NĐ-CP, annex I (13 to 14 points; tables may be smaller).
const FONT: &str = "Times New Roman";
const HALF_POINTS: usize = 24;

/// `table` begins with its head.
///
/// # Panics
/// Never: memory takes what is written.
pub fn write(digest: &Digest, table: &[[String; 7]]) -> Vec<u8> {
    let rows = table.iter().enumerate().map(|(n, row)| {
        let cells = row.iter().zip(WIDTHS).map(|(text, width)| {
            TableCell::new().width(width, WidthType::Dxa).add_paragraph(paragraph(text, n == 0))
        });
        TableRow::new(cells.collect())
    });
    let title = format!("{} – {}", digest.label(), digest.group_name);
    let document = Docx::new()
        .default_fonts(RunFonts::new().ascii(FONT).hi_ansi(FONT).cs(FONT))
        .default_size(HALF_POINTS)
        .page_size(16_838, 11_906)
        .page_orient(PageOrientationType::Landscape)
        .add_paragraph(paragraph(&title, true))
        .add_paragraph(paragraph(&format!("SHA-256: {}", digest.sha256), false))
        .add_table(Table::new(rows.collect()).set_grid(WIDTHS.to_vec()));
    let mut packed = Cursor::new(Vec::new());
    document.build().pack(&mut packed).expect("memory takes it");
    packed.into_inner()
}

fn paragraph(text: &str, bold: bool) -> Paragraph {
    let mut run = Run::new();
    for (n, line) in text.split('\n').enumerate() {
        if n > 0 {
            run = run.add_break(BreakType::TextWrapping);
        }
        // XML has no way to say these.
        run =
            run.add_text(line.replace(|c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'), " "));
    }
    Paragraph::new().add_run(if bold { run.bold() } else { run })
}

/// The rows of the document's first table. A table within a cell is that cell's text.
pub fn read(packed: &[u8]) -> Result<Vec<Vec<String>>, Unreadable> {
    let mut archive = zip::ZipArchive::new(Cursor::new(packed)).map_err(|_| Unreadable::Document)?;
    let part = archive.by_name("word/document.xml").map_err(|_| Unreadable::Document)?;
    first_table(BufReader::new(part.take(UNPACKED_MAX)))
}

fn first_table(xml: impl BufRead) -> Result<Vec<Vec<String>>, Unreadable> {
    let mut reader = Reader::from_reader(xml);
    let (mut rows, mut buffer) = (Vec::<Vec<String>>::new(), Vec::new());
    let (mut tables, mut in_text) = (0_u32, false);
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(|_| Unreadable::Document)?;
        let mut cell = rows.last_mut().and_then(|row| row.last_mut()).filter(|_| tables > 0);
        match event {
            Event::Start(tag) => match (tag.local_name().as_ref(), tables) {
                ("tbl", _) => tables += 1,
                ("tr", 1) if rows.len() > ROWS_MAX => return Err(Unreadable::TooLong),
                ("tr", 1) => rows.push(Vec::new()),
                ("tc", 1) => rows.last_mut().ok_or(Unreadable::Document)?.push(String::new()),
                ("t", 1..) => in_text = true,
                _ => {}
            },
            Event::Empty(tag) => match (tag.local_name().as_ref(), &mut cell) {
                ("br" | "cr", Some(cell)) => cell.push('\n'),
                ("tab", Some(cell)) => cell.push('\t'),
                _ => {}
            },
            Event::Text(text) if in_text => {
                cell.ok_or(Unreadable::Document)?.push_str(&text.xml10_content());
            }
            Event::GeneralRef(named) if in_text => {
                cell.ok_or(Unreadable::Document)?.push(character(&named)?);
            }
            Event::End(tag) => match (tag.local_name().as_ref(), &mut cell) {
                ("t", _) => in_text = false,
                ("p", Some(cell)) => cell.push('\n'),
                ("tbl", _) if tables == 1 => return Ok(rows),
                ("tbl", _) => tables -= 1,
                _ => {}
            },
            Event::Eof => return Err(Unreadable::Document),
            _ => {}
        }
    }
}

/// `&amp;` and its like; entities that a document declares itself are not taken.
fn character(named: &BytesRef<'_>) -> Result<char, Unreadable> {
    if let Ok(Some(character)) = named.resolve_char_ref() {
        return Ok(character);
    }
    match &**named {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(Unreadable::Document),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::digest::sheet::{self, Row, tests as given};

    fn packed(xml: &str) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("word/document.xml", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(xml.as_bytes()).unwrap();
        zip.finish().unwrap().into_inner()
    }

    fn table(rows: &[[&str; 7]]) -> Vec<[String; 7]> {
        rows.iter().map(|row| row.map(str::to_owned)).collect()
    }

    #[test]
    fn what_was_written_reads_back_with_its_lines_and_signs() {
        let rows = table(&[
            ["a", "b", "c", "d", "e", "f", "g"],
            ["<&>\"'", "1", "", "", "dòng một\ndòng hai", "x\u{1}y", ""],
        ]);
        let read = read(&write(&given::digest(), &rows)).unwrap();
        let read: Vec<Vec<&str>> =
            read.iter().map(|row| row.iter().map(|cell| cell.trim()).collect()).collect();
        assert_eq!(read[0], ["a", "b", "c", "d", "e", "f", "g"]);
        assert_eq!(read[1], ["<&>\"'", "1", "", "", "dòng một\ndòng hai", "x y", ""]);
    }

    #[test]
    fn a_document_that_a_word_processor_wrote_is_read_as_the_sheet() {
        let cell = |inner: &str| format!("<w:tc><w:tcPr/>{inner}</w:tc>");
        let text =
            |text: &str| cell(&format!("<w:p><w:r><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>"));
        // Split runs, a correction that is shown, a deleted word, a table within a cell, two paragraphs.
        let answer = cell(
            "<w:p><w:r><w:t>Có</w:t></w:r><w:ins><w:r><w:t>, đ&#x1B0;ợc</w:t></w:r></w:ins>\
             <w:del><w:r><w:delText>không</w:delText></w:r></w:del></w:p>\
             <w:tbl><w:tr><w:tc><w:p><w:r><w:t>A &amp; B</w:t></w:r></w:p></w:tc></w:tr></w:tbl>\
             <w:p><w:r><w:t>Hết</w:t><w:br/><w:t>thật</w:t></w:r></w:p>",
        );
        let head = ["Tổng hợp", "Mục", "Trả lời", "Lý do trả lại"].map(text).concat();
        let row = [text("covid-19/3"), text("2"), answer, text("")].concat();
        let xml = format!(
            "<w:document xmlns:w=\"w\"><w:body><w:p><w:r><w:t>Kính gửi</w:t></w:r></w:p><w:tbl>\
             <w:tr>{head}</w:tr><w:tr>{row}</w:tr></w:tbl></w:body></w:document>"
        );
        let expected = Row {
            digest: "covid-19/3".into(),
            item: 2,
            answer: "Có, được\nA & B\nHết\nthật".into(),
            return_reason: String::new(),
        };
        assert_eq!(sheet::read(&packed(&xml)), Ok(vec![expected]));
    }

    #[test]
    fn what_is_no_document_or_unpacks_without_end_is_refused() {
        assert_eq!(read(b"PK\x03\x04 and nothing"), Err(Unreadable::Document));
        assert_eq!(read(&packed("<w:p>no table</w:p>")), Err(Unreadable::Document));
        let bomb = format!("<w:tbl><w:tr><w:tc>{}", "<w:t>aaaaaaaaaaaaaaaa</w:t>".repeat(1 << 20));
        let small = packed(&bomb);
        assert!(small.len() < sheet::BYTES_MAX, "it is to be refused for what it unpacks to");
        assert_eq!(read(&small), Err(Unreadable::Document));
        let long = format!("<w:tbl>{}</w:tbl>", "<w:tr><w:tc></w:tc></w:tr>".repeat(ROWS_MAX + 2));
        assert_eq!(read(&packed(&long)), Err(Unreadable::TooLong));
    }

    proptest! {
        #[test]
        fn every_text_survives_the_document(texts in prop::collection::vec("\\PC{0,40}", 7)) {
            let row: [String; 7] = texts.try_into().unwrap();
            let back = read(&write(&given::digest(), std::slice::from_ref(&row))).unwrap();
            for (back, text) in back[0].iter().zip(&row) {
                let text = text.replace(['\u{fffe}', '\u{ffff}'], " ");
                prop_assert_eq!(back.trim(), text.trim());
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), xml in "(<w:(tbl|tr|tc|t|p)>|</w:(tbl|tr|tc|t|p)>|&amp;|x){0,30}") {
            let _ = read(&bytes);
            let _ = read(&packed(&xml));
        }
    }
}
