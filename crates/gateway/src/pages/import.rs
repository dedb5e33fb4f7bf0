//! Answered questions from a file, or from a text box, into the store. What is wrong with a line is told beside its
//! number, and the others go on.

use std::collections::HashSet;

use api::knowledge::v1::{AnsweredQuestion, ImportAnswersRequest};
use askama::Template;
use axum::{extract::State, http::StatusCode};
use serde::Deserialize;

use super::{Frame, Page, page, sentence};
use crate::{language::Language, problem::Problem, session::SignedIn, state::Gateway, upload::Upload};

/// Lines of one import; more are for the command line.
const LINES_MAX: usize = 5_000;
/// A line that is longer has more text than an answered question may have.
const LINE_BYTES_MAX: usize = 512 << 10;
/// Answers of one call, and bytes of their lines: with the next line they stay below what a message may have.
const BATCH: usize = 100;
const BATCH_BYTES: usize = 2 << 20;

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage {
    frame: Frame,
    error: String,
    /// What became of the lines; `None`: none were sent.
    outcome: Option<Outcome>,
    lines: String,
    file_megabytes: u32,
}

/// A line of the import.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    question: String,
    answer: String,
    #[serde(default)]
    field: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    source: String,
}

struct Numbered {
    number: u32,
    bytes: usize,
    answer: AnsweredQuestion,
}

struct Refused {
    number: u32,
    why: String,
    /// Whether `why` is in the language of the page; knowledge says it in Vietnamese.
    in_page_language: bool,
}

#[derive(Default)]
struct Outcome {
    stored: u32,
    unchanged: u32,
    refused: Vec<Refused>,
    /// Why it stopped before its end.
    stopped: Option<Problem>,
}

impl ImportPage {
    fn new(gateway: &Gateway, frame: Frame, lines: String) -> Self {
        let file_megabytes = u32::try_from(gateway.config().import_max_bytes >> 20).unwrap_or(u32::MAX);
        Self { frame, error: String::new(), outcome: None, lines, file_megabytes }
    }
}

pub(super) async fn form(State(gateway): State<Gateway>, frame: Frame, _: SignedIn) -> Page {
    page(StatusCode::OK, &ImportPage::new(&gateway, frame, String::new()))
}

pub(super) async fn import(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Upload { fields, file, .. }: Upload,
) -> Page {
    let template = ImportPage::new(&gateway, frame, fields.text("lines"));
    let language = template.frame.language;
    let text = match file.map(String::from_utf8) {
        Some(Ok(text)) => Ok(text),
        Some(Err(_)) => Err(Problem::invalid("BODY_NOT_UTF8")),
        None => Ok(template.lines.clone()),
    };
    let (answers, refused) = match text.and_then(|text| read(language, &text)) {
        Ok(read) => read,
        Err(problem) => {
            let error = sentence(language, &problem);
            return page(problem.status, &ImportPage { error, ..template });
        }
    };
    let outcome = send(&gateway, &caller, answers, refused).await;
    let status = match &outcome.stopped {
        Some(problem) => problem.status,
        None if outcome.stored + outcome.unchanged == 0 => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    let error = outcome.stopped.as_ref().map(|problem| sentence(language, problem)).unwrap_or_default();
    page(status, &ImportPage { error, outcome: Some(outcome), ..template })
}

/// The lines that are answered questions, and those that are not.
fn read(language: Language, text: &str) -> Result<(Vec<Numbered>, Vec<Refused>), Problem> {
    // Some editors of files put a mark of their own first.
    let lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
    let lines: Vec<(u32, &str)> = lines.filter(|(_, line)| !line.trim().is_empty()).collect();
    if lines.is_empty() || lines.len() > LINES_MAX {
        return Err(Problem::invalid("ANSWERS_COUNT"));
    }
    let (mut answers, mut refused, mut ids) = (Vec::new(), Vec::new(), HashSet::new());
    for (number, line) in lines {
        match answer(line).and_then(|answer| once(&mut ids, answer)) {
            Ok(answer) => answers.push(Numbered { number, bytes: line.len(), answer }),
            Err(problem) => {
                let why = problem.title(language).to_owned();
                refused.push(Refused { number, why, in_page_language: true });
            }
        }
    }
    Ok((answers, refused))
}

fn answer(line: &str) -> Result<AnsweredQuestion, Problem> {
    let read = if line.len() > LINE_BYTES_MAX { None } else { serde_json::from_str(line).ok() };
    let read = read.ok_or_else(|| Problem::invalid("LINE_NOT_VALID"))?;
    let Line { id, question, answer, field, unit, source } = read;
    Ok(AnsweredQuestion { id, question, answer, field, unit, source })
}

/// In different calls the second of an id would silently replace the first.
fn once(ids: &mut HashSet<String>, answer: AnsweredQuestion) -> Result<AnsweredQuestion, Problem> {
    let fresh = ids.insert(answer.id.trim().to_owned());
    if fresh { Ok(answer) } else { Err(Problem::invalid("LINE_REPEATED")) }
}

fn batches(answers: Vec<Numbered>) -> Vec<Vec<Numbered>> {
    let mut batches: Vec<Vec<Numbered>> = Vec::new();
    let mut bytes = 0;
    for answer in answers {
        let fits = |batch: &&mut Vec<Numbered>| batch.len() < BATCH && bytes < BATCH_BYTES;
        if let Some(batch) = batches.last_mut().filter(fits) {
            bytes += answer.bytes;
            batch.push(answer);
        } else {
            bytes = answer.bytes;
            batches.push(vec![answer]);
        }
    }
    batches
}

async fn send(
    gateway: &Gateway,
    caller: &SignedIn,
    answers: Vec<Numbered>,
    refused: Vec<Refused>,
) -> Outcome {
    let mut outcome = Outcome { refused, ..Outcome::default() };
    for batch in batches(answers) {
        let (numbers, answers): (Vec<u32>, Vec<_>) =
            batch.into_iter().map(|numbered| (numbered.number, numbered.answer)).unzip();
        let request = gateway.ask(ImportAnswersRequest { answers });
        match gateway.knowledge(Some(&caller.token)).import_answers(request).await {
            Ok(response) => {
                let response = response.into_inner();
                outcome.stored += response.stored;
                outcome.unchanged += response.unchanged;
                outcome.refused.extend(response.refused.into_iter().map(|refused| Refused {
                    number: numbers.get(refused.index as usize).copied().unwrap_or_default(),
                    why: refused.reason,
                    in_page_language: false,
                }));
            }
            Err(status) => {
                outcome.stopped = Some(status.into());
                break;
            }
        }
    }
    outcome.refused.sort_by_key(|refused| refused.number);
    outcome
}

#[cfg(test)]
mod tests {
    use api::knowledge::v1::Passage;

    use super::*;
    use crate::pages::merge::json_line;

    const VI: Language = Language::Vietnamese;

    #[test]
    fn what_is_exported_is_imported_again() {
        let passage =
            Passage {
                id: "a".into(), question: "hỏi\n?".into(), answer: "đáp".into(), ..Default::default()
            };
        let (answers, refused) = read(VI, &format!("\u{feff}{}", json_line(&passage))).unwrap();
        assert!(refused.is_empty());
        assert_eq!((answers[0].answer.id.as_str(), answers[0].answer.question.as_str()), ("a", "hỏi\n?"));
    }

    #[test]
    fn what_is_wrong_is_told_by_line_and_the_others_go_on() {
        let good = |id: &str| format!(r#"{{"id":"{id}","question":"b","answer":"c"}}"#);
        let more = r#"{"id":"a","question":"b","answer":"c","x":1}"#;
        let long = good(&"x".repeat(LINE_BYTES_MAX));
        let text = format!("{}\n\n{{\n{more}\n{}\r\n{}\n{long}\n", good("a"), good("b"), good("a"));
        let (answers, refused) = read(VI, &text).unwrap();
        assert_eq!(answers.iter().map(|a| a.number).collect::<Vec<_>>(), [1, 5]);
        let refused: Vec<_> = refused.iter().map(|r| (r.number, r.why.as_str())).collect();
        let (form, again) = ("Dòng không đúng dạng", "Mã đã có ở dòng trước");
        assert_eq!(refused, [(3, form), (4, form), (6, again), (7, form)]);
        for wrong in [String::new(), " \n".into(), "{\n".repeat(LINES_MAX + 1)] {
            assert_eq!(read(VI, &wrong).err().map(|p| p.reason), Some("ANSWERS_COUNT".into()));
        }
    }

    #[test]
    fn a_call_takes_some_lines_and_some_bytes() {
        let numbered = |number, bytes| Numbered { number, bytes, answer: AnsweredQuestion::default() };
        let sizes = |answers: Vec<Numbered>| batches(answers).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes((0..250).map(|n| numbered(n, 10)).collect()), [100, 100, 50]);
        assert_eq!(sizes((0..5).map(|n| numbered(n, BATCH_BYTES / 2)).collect()), [2, 2, 1]);
        assert!(sizes(Vec::new()).is_empty());
    }
}
