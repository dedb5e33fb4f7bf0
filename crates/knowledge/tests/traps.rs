//! Traps: pairs that differ in one thing which turns the question into another, however alike the two
//! sentences are. None may be reused. Each template is stored with one value and asked with others.

#![expect(clippy::print_stderr, reason = "shows the figures when a test fails")]

mod support;

use knowledge::backtest;
use serde_json::{Value, json};
use support::{lines, setup};

/// What is traded, the templates it stands in, and its values.
const TRAPS: [(&str, &[&str], &[&str]); 10] = [
    (
        "number",
        &[
            "Người lao động đóng bảo hiểm xã hội {} năm thì được hưởng lương hưu thế nào?",
            "Hộ gia đình có {} người thì được vay vốn ưu đãi bao nhiêu?",
            "Doanh nghiệp có {} lao động phải lập hồ sơ gì về an toàn thông tin?",
            "Học sinh nghỉ học {} ngày có được lên lớp không?",
        ],
        &["5", "10", "15", "20", "30"],
    ),
    (
        "date",
        &[
            "Nghỉ việc trước ngày {} có được nhận tiền hỗ trợ không?",
            "Hồ sơ nộp ngày {} được trả kết quả khi nào?",
            "Quy định cũ hết hiệu lực từ ngày {} phải không?",
        ],
        &["1/4/2021", "15/6/2021", "1/7/2022", "31/12/2023"],
    ),
    (
        "ordinal",
        &[
            "Tiêm vắc xin mũi {} ở đâu?",
            "Hiến máu lần thứ {} có được khen thưởng không?",
            "Hệ thống thông tin cấp độ {} phải kiểm tra an toàn bao lâu một lần?",
            "Học sinh lớp {} có được miễn học phí không?",
        ],
        &["1", "2", "3", "4", "5"],
    ),
    (
        "negation",
        &[
            "Người nhiễm bệnh {} tiêm vắc xin trong trường hợp nào?",
            "Công chức {} kiêm nhiệm chức danh nào?",
            "Cơ quan nhà nước {} công bố dữ liệu nào?",
            "Giáo viên {} dạy thêm trong trường hợp nào?",
        ],
        &["được", "không được"],
    ),
    (
        "direction",
        &[
            "Thủ tục {} thiết bị viễn thông gồm những gì?",
            "Hồ sơ {} gỗ tròn nộp ở đâu?",
            "Thời gian làm thủ tục {} thuốc là bao lâu?",
            "Lệ phí {} hàng mẫu là bao nhiêu?",
        ],
        &["xuất khẩu", "nhập khẩu"],
    ),
    (
        "place",
        &[
            "Làm căn cước công dân ở {} thì đến đâu?",
            "Số điện thoại đường dây nóng của {} là bao nhiêu?",
            "Trung tâm hành chính công {} làm việc mấy giờ?",
            "Người từ {} về phải cách ly bao nhiêu ngày?",
        ],
        &["Hà Nội", "Đà Nẵng", "Cần Thơ", "Bắc Ninh", "Hải Phòng"],
    ),
    (
        "level",
        &[
            "Ủy ban nhân dân {} có thẩm quyền gì về đất đai?",
            "Cán bộ {} được hưởng phụ cấp bao nhiêu?",
            "Thủ tục khiếu nại lên {} thực hiện như thế nào?",
        ],
        &["cấp xã", "cấp huyện", "cấp tỉnh"],
    ),
    (
        "legal",
        &[
            "Nghị định {} quy định những gì về một cửa?",
            "Điều kiện theo {} là gì?",
            "Khi nào {} có hiệu lực?",
        ],
        &["61/2018/NĐ-CP", "107/2021/NĐ-CP", "30/2020/NĐ-CP", "45/2020/NĐ-CP"],
    ),
    (
        "action",
        &[
            "Thủ tục {} thẻ bảo hiểm y tế gồm những gì?",
            "Hồ sơ {} giấy phép kinh doanh nộp ở đâu?",
            "Thời hạn {} chứng thư số là bao lâu?",
            "Lệ phí {} hộ chiếu là bao nhiêu?",
        ],
        &["cấp mới", "cấp lại", "gia hạn", "thu hồi"],
    ),
    (
        "document",
        &["Mất {} thì làm lại ở đâu?", "Đổi {} cần những gì?", "Người dưới 14 tuổi có làm {} không?"],
        &["hộ chiếu", "căn cước công dân", "giấy khai sinh", "giấy phép lái xe"],
    ),
];

/// Who does what to whom, the other way round.
const REVERSALS: [(&str, &str); 12] = [
    (
        "Sở Y tế có trách nhiệm gì với Ủy ban nhân dân tỉnh?",
        "Ủy ban nhân dân tỉnh có trách nhiệm gì với Sở Y tế?",
    ),
    ("Chuyển từ công chức sang viên chức thế nào?", "Chuyển từ viên chức sang công chức thế nào?"),
    ("Đi từ Hà Nội vào Đà Nẵng cần giấy tờ gì?", "Đi từ Đà Nẵng ra Hà Nội cần giấy tờ gì?"),
    ("Người mua kiện người bán ở đâu?", "Người bán kiện người mua ở đâu?"),
    ("Cha nhận con thì làm thủ tục gì?", "Con nhận cha thì làm thủ tục gì?"),
    ("Chồng bảo lãnh cho vợ ra nước ngoài thế nào?", "Vợ bảo lãnh cho chồng ra nước ngoài thế nào?"),
    ("Chuyển dữ liệu từ tỉnh lên bộ qua đâu?", "Chuyển dữ liệu từ bộ xuống tỉnh qua đâu?"),
    ("Doanh nghiệp cho cá nhân vay tiền có được không?", "Cá nhân cho doanh nghiệp vay tiền có được không?"),
    ("Đổi giấy phép lái xe từ mô tô sang ô tô thế nào?", "Đổi giấy phép lái xe từ ô tô sang mô tô thế nào?"),
    (
        "Trước khi tiêm thì nên ăn gì, sau khi tiêm thì sao?",
        "Sau khi tiêm thì nên ăn gì, trước khi tiêm thì sao?",
    ),
    ("Nhà trường trả lại tiền cho phụ huynh khi nào?", "Phụ huynh trả lại tiền cho nhà trường khi nào?"),
    ("Bên thuê đền bù cho bên cho thuê thế nào?", "Bên cho thuê đền bù cho bên thuê thế nào?"),
];

fn stored(question: &str) -> Value {
    json!({ "id": question, "question": question, "answer": format!("Trả lời: {question}") })
}

fn asked(kind: &str, question: &str) -> Value {
    json!({ "id": question, "kind": kind, "text": question, "expect": [], "forbid": [] })
}

#[tokio::test]
async fn no_trap_is_reused() {
    let (mut answered, mut asking) = (Vec::new(), Vec::new());
    for (kind, templates, values) in TRAPS {
        for (at, template) in templates.iter().enumerate() {
            let with = |value: &str| template.replace("{}", value);
            // Each template is stored with another of its values.
            let kept = values[at % values.len()];
            answered.push(stored(&with(kept)));
            let others = values.iter().filter(|value| **value != kept);
            for other in others {
                asking.push(asked(kind, &with(other)));
                asking.push(asked(
                    &format!("{kind}, polite"),
                    &format!("Cho em hỏi {} ạ?", with(other).trim_end_matches('?')),
                ));
                asking.push(asked(&format!("{kind}, undiacritised"), &knowledge::text::fold(&with(other))));
            }
        }
    }
    for (one, other) in REVERSALS {
        answered.push(stored(one));
        asking.push(asked("reversal", other));
    }
    assert!(asking.len() >= 300, "{}", asking.len());
    let report =
        backtest::run(lines(&answered).path(), lines(&asking).path(), setup(), &|_, _, _| {}).await.unwrap();
    let reused = &report.wrong_drafts;
    for draft in reused {
        eprintln!("{}: {} -> {} {:?}", draft.kind, draft.asked_text, draft.answered_text, draft.reasons);
    }
    assert_eq!(reused.len(), 0);
}

#[tokio::test]
async fn what_is_stored_itself_is_reused_however_it_is_typed() {
    let (mut answered, mut asking) = (Vec::new(), Vec::new());
    for question in TRAPS.iter().map(|(_, templates, values)| templates[0].replace("{}", values[0])) {
        answered.push(stored(&question));
        for (kind, text) in [
            ("same", question.clone()),
            ("upper case", question.to_uppercase()),
            ("polite", format!("Xin hỏi {question} Em cảm ơn ạ!")),
            ("undiacritised", knowledge::text::fold(&question)),
        ] {
            asking
                .push(json!({ "id": text, "kind": kind, "text": text, "expect": [question], "forbid": [] }));
        }
    }
    let report =
        backtest::run(lines(&answered).path(), lines(&asking).path(), setup(), &|_, _, _| {}).await.unwrap();
    assert_eq!((report.all.correct, report.all.drafted), (asking.len(), asking.len()), "{report}");
}
