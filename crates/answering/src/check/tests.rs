use proptest::prelude::*;

use super::*;
use crate::replies::Replies;

fn policy(rules: &str) -> Policy {
    let text =
        format!("[co_answer]\nunits_max = 1\n[[policy]]\ncode = \"all\"\nsource = \"for tests\"\n{rules}");
    Replies::parse(&text).unwrap().policy("a", "b").clone()
}

fn codes(asked: &str, text: &str, rules: &str) -> Vec<(Code, String)> {
    let reply = Reply { asked: &[asked], text, cites: false };
    check(&reply, &policy(rules)).into_iter().map(|finding| (finding.code, finding.words)).collect()
}

fn found(asked: &str, text: &str, rules: &str, code: Code) -> bool {
    codes(asked, text, rules).iter().any(|(found, _)| *found == code)
}

#[test]
fn each_ask_is_told_apart() {
    for (question, expected) in [
        ("Lệ phí bao nhiêu và nộp hồ sơ ở đâu?", &["Lệ phí bao nhiêu", "nộp hồ sơ ở đâu?"][..]),
        ("Hồ sơ và lệ phí gồm những gì?", &["Hồ sơ và lệ phí gồm những gì?"]),
        ("Tôi ở xã A. Khi nào cấp thẻ? Ai ký thẻ?", &["Khi nào cấp thẻ?", "Ai ký thẻ?"]),
        ("1. Thời hạn bao lâu\n2. Phí bao nhiêu", &["Thời hạn bao lâu", "Phí bao nhiêu"]),
        ("Đề nghị sửa đường Lê Lợi.", &["Đề nghị sửa đường Lê Lợi."]),
    ] {
        assert_eq!(asks(question), expected, "{question}");
    }
}

#[test]
fn what_is_not_spoken_of_is_named() {
    let question = "Lệ phí cấp thẻ bao nhiêu và nộp hồ sơ ở đâu?";
    let half = codes(question, "Lệ phí cấp thẻ là 50.000 đồng.", "");
    assert_eq!(half, [(Code::SubQuestion, "nộp hồ sơ ở đâu?".to_owned())]);
    let whole = "Lệ phí cấp thẻ là 50.000 đồng; hồ sơ nộp tại bộ phận một cửa.";
    assert_eq!(codes(question, whole, ""), []);
    // Asked without diacritics.
    assert_eq!(codes("le phi cap the bao nhieu?", whole, ""), []);
    assert_eq!(codes("phi gui xe bao nhieu?", "Trời hôm nay đẹp.", "").len(), 1);
    // The last follow-up counts as well.
    let reply =
        Reply {
            asked: &["Phí bao nhiêu?", "Còn thời hạn thì sao?"], text: "Phí 5.000 đồng.", cites: false
        };
    assert_eq!(check(&reply, &policy("")).len(), 1);
}

#[test]
fn a_basis_and_a_contact_are_asked_for_by_policy_only() {
    let (asked, text) = ("Phí bao nhiêu?", "Phí là 5.000 đồng.");
    assert_eq!(codes(asked, text, ""), []);
    let both = "basis = true\ncontact = true";
    let wanting = codes(asked, text, both).into_iter().map(|(code, _)| code).collect::<Vec<_>>();
    assert_eq!(wanting, [Code::Basis, Code::Contact]);
    for basis in ["theo Nghị định 61/2018/NĐ-CP", "theo Luật Phí và lệ phí", "theo khoản 2 của quy định"]
    {
        assert!(!found(asked, &format!("Phí là 5.000 đồng {basis}."), both, Code::Basis), "{basis}");
    }
    for contact in ["Liên hệ Phòng Tiếp dân.", "Hotline 1900 1234.", "Xem https://dichvucong.gov.vn"] {
        assert!(!found(asked, &format!("Phí là 5.000 đồng. {contact}"), both, Code::Contact), "{contact}");
    }
    let cites = Reply { asked: &[asked], text, cites: true };
    assert!(check(&cites, &policy(both)).iter().all(|finding| finding.code != Code::Basis));
}

#[test]
fn passing_on_is_no_answer() {
    for (text, expected) in [
        ("Câu hỏi của ông đã chuyển Sở Xây dựng. Trân trọng.", true),
        ("Chúng tôi ghi nhận ý kiến và sẽ trả lời sau.", true),
        (
            "Hồ sơ đã chuyển Sở Xây dựng ngày 3/3. Giấy phép được cấp trong 15 ngày làm việc; phí 75.000 đồng; nhận tại bộ phận một cửa.",
            false,
        ),
        ("Phí là 5.000 đồng.", false),
    ] {
        assert_eq!(is_only_forwarded(text), expected, "{text}");
    }
}

#[test]
fn what_is_a_persons_own_is_found_and_an_offices_is_not() {
    for (text, own) in [
        ("Gọi anh Nam 0912 345 678 nhé", "0912 345 678"),
        ("Gọi +84 912.345.678", "+84 912.345.678"),
        ("Số định danh 001 099 123 456.", "001 099 123 456"),
        ("CMND số 012345678", "CMND số 012345678"),
        ("Thư về nam.nguyen@gmail.com.", "nam.nguyen@gmail.com"),
    ] {
        assert_eq!(personal_data(text), [own], "{text}");
    }
    for text in [
        "Tổng đài 1900 1234, điện thoại 024 3943 5678, thư motcua@mic.gov.vn",
        "Mức phạt 1.500.000.000 đồng theo Nghị định 61/2018/NĐ-CP ngày 23/4/2018",
        "Hồ sơ 000.00.00.G01-240101-0001",
    ] {
        assert_eq!(personal_data(text), [""; 0], "{text}");
    }
}

proptest! {
    /// A reply that repeats the question speaks of all of it; words added to a reply take nothing away.
    #[test]
    fn a_longer_reply_speaks_of_no_less(question in "[a-zđơưàéê ,.?\n]{1,80}", more in "[a-zđơư ,.]{0,40}") {
        prop_assert!(asks(&question).iter().all(|ask| speaks_of(&question, ask)));
        let (short, long) = (question.clone(), format!("{question} {more}"));
        for ask in asks(&more) {
            prop_assert!(!speaks_of(&short, &ask) || speaks_of(&long, &ask));
        }
    }

    /// Every part of a question is in its asks, and nothing else is.
    #[test]
    fn asks_are_the_questions_own_words(question in "(bao nhiêu|và|phí|thẻ|ở đâu|\\?| ){1,30}") {
        let of = |text: &str| words(&text.to_lowercase()).map(str::to_owned).collect::<HashSet<_>>();
        for ask in asks(&question) {
            prop_assert!(of(&ask).is_subset(&of(&question)), "{ask:?}");
        }
    }

    #[test]
    fn any_text_is_checked(question in "\\PC{0,200}", text in "\\PC{0,200}") {
        let reply = Reply { asked: &[&question], text: &text, cites: false };
        let policy = policy("basis = true\ncontact = true");
        prop_assert!(check(&reply, &policy).len() <= 2 * TOLD_MAX + 3);
    }
}
