//! What is no question and has its own way by law (`data/elsewhere.toml`): it is answered at the door
//! with where to go, and not filed. Pure.

use std::sync::LazyLock;

use runtime::{Refusal, phrase::Typed};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    #[serde(rename = "place")]
    places: Vec<Place>,
}

/// Where something that is no question goes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub code: String,
    words: Vec<String>,
    /// What makes it a question after all.
    unless: Vec<String>,
    answer: String,
    answer_en: String,
    /// The law that says so.
    source: String,
}

static DATA: LazyLock<Data> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/elsewhere.toml"))
        .expect("data/elsewhere.toml is compiled in and covered by a test")
});

/// The place where a text goes, if it is no question.
pub fn place(text: &str) -> Option<&'static Place> {
    let typed = Typed::read(text);
    DATA.places.iter().find(|place| typed.says(&place.words, &place.unless))
}

impl Place {
    pub fn refusal(&self) -> Refusal {
        let Self { answer, answer_en, source, .. } = self;
        Refusal::conflict("GOES_ELSEWHERE", format!("{answer} ({source}) {answer_en}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(place(text).map(|place| place.code.as_str()), expected, "{text}");
    }

    #[test]
    fn emergencies_complaints_and_denunciations_have_their_places() {
        for (text, code) in [
            ("Cả dãy nhà đang cháy, cứu với!", "chay"),
            ("nha ben canh dang chay lon", "chay"),
            ("CẦN XE CẤP CỨU GẤP ở ngã tư", "cap-cuu"),
            ("Có người đang bị đánh trước cổng trường", "an-ninh"),
            ("Kính gửi Bộ, tôi làm đơn này để tố cáo ông A nhận tiền của dân.", "to-cao"),
            ("toi xin to cao ong A nhan hoi lo", "to-cao"),
            ("Tôi khiếu nại Quyết định số 12 của UBND xã về thu hồi đất của gia đình tôi.", "khieu-nai"),
            ("ĐƠN KHIẾU NẠI. Kính gửi: Chủ tịch UBND tỉnh", "khieu-nai"),
        ] {
            check(text, Some(code));
        }
    }

    #[test]
    fn questions_about_them_are_questions() {
        for text in [
            "Khiếu nại lần đầu gửi cho ai, thời hạn bao lâu?",
            "Tôi muốn khiếu nại quyết định thu hồi đất thì nộp đơn ở đâu?",
            "toi muon khieu nai quyet dinh xu phat thi nop don o dau",
            "Người tố cáo có những quyền gì?",
            "Tôi muốn tố cáo cán bộ xã thì cần làm thủ tục gì?",
            "Khiếu nại và tố cáo khác nhau thế nào?",
            "Thủ tục cấp giấy xác nhận về phòng cháy, chữa cháy?",
            "Khi nào cần gọi cấp cứu 115?",
            "Bảo hiểm y tế có chi trả tiền xe cấp cứu không?",
            "Mức phạt khi đang cháy rừng mà không báo là bao nhiêu?",
            "Tôi từng phải đi cấp cứu vì dị ứng, có tiêm được không?",
            "me toi dang chay than, co tiem vac xin duoc khong",
            "",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn every_place_says_where_to_go_and_by_which_law() {
        for place in &DATA.places {
            let said = [&place.code, &place.answer, &place.answer_en, &place.source];
            assert!(said.iter().all(|text| !text.trim().is_empty()), "{place:?}");
            assert!(!place.words.is_empty() && !place.unless.is_empty(), "{place:?}");
            assert!(place.words.iter().all(|words| words.split(' ').count() >= 2), "{place:?}");
            assert_eq!(place.refusal().reason(), "GOES_ELSEWHERE");
        }
    }

    proptest! {
        #[test]
        fn case_punctuation_and_what_stands_around_make_no_difference(
            before in "[a-z .,]{0,20}", after in "[.,!a-z ]{0,20}",
        ) {
            let said = format!("{before} Tôi xin,  TỐ CÁO {after}");
            prop_assert!(place(&said).is_some_and(|place| place.code == "to-cao"));
        }
    }
}
