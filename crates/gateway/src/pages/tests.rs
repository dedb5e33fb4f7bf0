use super::*;
use crate::organisation::Choice;

const VI: Language = Language::Vietnamese;

fn nobody() -> Frame {
    Frame::new(VI, String::new(), None)
}

#[derive(Template)]
#[template(path = "found.html")]
struct FoundPart {
    f: library::Found,
}

#[test]
fn what_people_wrote_is_text_not_html() {
    let script = "<script>alert(\"'1'\")</script>&";
    let runs = || marks::found(script, &marks::Wanted::new("alert"));
    let found = library::Found {
        id: script.into(),
        segment: segment(script),
        question: runs(),
        answer: runs(),
        about: script.into(),
    };
    let html = FoundPart { f: found }.render().unwrap();
    assert!(!html.contains("<script"), "{html}");
    assert!(html.contains("<mark>alert</mark>"), "{html}");
    assert!(!html.contains("\"'"), "{html}");
}

#[test]
fn pages_hold_nothing_that_the_content_policy_forbids() {
    let html = ErrorPage { frame: nobody(), message: String::new(), reason: String::new(), passing: true }
        .render()
        .unwrap();
    assert!(!html.contains("style=") && !html.contains("<style") && !html.contains(" onclick"));
    assert!(html.contains(&*CSS_URL.replace('&', "&amp;")));
    for (at, _) in html.match_indices("<script") {
        assert!(html[at..].starts_with("<script type=\"module\" src=\"/assets/"));
    }
}

#[test]
fn the_switch_leads_to_the_same_page_of_this_site() {
    let switched = |uri: &str| in_language(&uri.parse().unwrap(), Language::English);
    assert_eq!(switched("/tra-cuu?q=a%20b&lang=vi&field="), "/tra-cuu?q=a%20b&field=&lang=en");
    assert_eq!(switched("/"), "/?lang=en");
    assert_eq!(switched("//evil.example/x"), "/evil.example/x?lang=en");
}

#[test]
fn a_segment_cannot_leave_its_place_in_the_path() {
    assert_eq!(segment("AB12-cd"), "AB12-cd");
    assert_eq!(segment("../x?y#z\"é"), "%2E%2E%2Fx%3Fy%23z%22%C3%A9");
}

#[test]
fn choices_have_the_names_of_the_wire() {
    let kinds: Vec<Choice> = words::kinds(VI);
    assert_eq!(kinds[0].code, "KIND_QUESTION");
    assert_eq!(kinds.len(), 4);
}

#[test]
fn a_refusal_names_the_field_as_its_label_reads() {
    let refused = Problem::invalid("TEXT_EMPTY").field("asker.name", "asker.name is empty");
    assert_eq!(sentence(VI, &refused), "Họ và tên: Chưa có nội dung");
    let refused = Problem::invalid("KIND_UNKNOWN").field("kind", "kind is missing");
    assert!(sentence(VI, &refused).starts_with("Chưa chọn loại"));
}
