use super::*;
use crate::organisation::Choice;

#[derive(Template)]
#[template(path = "found.html")]
struct Found {
    f: Published,
}

struct Published {
    question: String,
    answer: String,
    field: String,
    source: String,
}

#[test]
fn what_people_wrote_is_text_not_html() {
    let script = "<script>alert(\"'1'\")</script>&";
    let answer = Published {
        question: script.into(),
        answer: script.into(),
        field: script.into(),
        source: script.into(),
    };
    let html = Found { f: answer }.render().unwrap();
    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains("\"'"), "{html}");
}

#[test]
fn pages_hold_nothing_that_the_content_policy_forbids() {
    let html =
        ErrorPage { frame: Frame::of(None), message: String::new(), reason: String::new(), passing: true }
            .render()
            .unwrap();
    assert!(!html.contains("style=") && !html.contains("<style") && !html.contains(" onclick"));
    assert!(html.contains(&*CSS_URL.replace('&', "&amp;")));
    for (at, _) in html.match_indices("<script") {
        assert!(html[at..].starts_with("<script type=\"module\" src=\"/assets/"));
    }
}

#[test]
fn a_segment_cannot_leave_its_place_in_the_path() {
    assert_eq!(segment("AB12-cd"), "AB12-cd");
    assert_eq!(segment("../x?y#z\"é"), "%2E%2E%2Fx%3Fy%23z%22%C3%A9");
}

#[test]
fn choices_have_the_names_of_the_wire() {
    let kinds: Vec<Choice> = words::kinds();
    assert_eq!(kinds[0].code, "KIND_QUESTION");
    assert_eq!(kinds.len(), 4);
}

#[test]
fn a_refusal_names_the_field_as_its_label_reads() {
    let refused = Problem::invalid("TEXT_EMPTY").field("asker.name", "asker.name is empty");
    assert_eq!(sentence(&refused), "Họ và tên: Chưa có nội dung");
    let refused = Problem::invalid("KIND_UNKNOWN").field("kind", "kind is missing");
    assert!(sentence(&refused).starts_with("Chưa chọn loại"));
}
