//! The whole way of one question with the real model: text → neighbours → verdict.

#![expect(clippy::print_stderr, reason = "shows the figures when a test fails")]

mod support;

use std::{collections::BTreeMap, sync::Arc};

use knowledge::backtest;
use serde_json::json;
use support::{lines, setup};

const ANSWERED: [(&str, &str); 10] = [
    ("bhyt", "Thủ tục cấp lại thẻ bảo hiểm y tế khi bị mất gồm những gì?"),
    ("khai-sinh", "Đăng ký khai sinh cho con cần mang theo giấy tờ gì?"),
    ("mui-2", "Sau khi tiêm mũi 1 vắc xin Covid-19 bao lâu thì được tiêm mũi 2?"),
    ("nhap-khau", "Hồ sơ xin giấy phép nhập khẩu thiết bị viễn thông gồm những gì?"),
    ("chu-ky-so", "Chữ ký số cá nhân được đăng ký ở đâu?"),
    ("lgsp", "Phần mềm của Sở kết nối vào nền tảng LGSP của tỉnh như thế nào?"),
    ("cach-ly", "Người tiếp xúc gần với F0 phải cách ly tại nhà bao nhiêu ngày?"),
    ("xep-hang", "Kết quả xếp hạng chuyển đổi số cấp tỉnh được công bố vào lúc nào?"),
    ("du-lieu-mo", "Cơ quan nhà nước phải công bố dữ liệu mở trên cổng nào?"),
    ("cap-do", "Hệ thống thông tin cấp độ 3 phải kiểm tra an toàn bao lâu một lần?"),
];

/// What is asked, its kind, and the id of the right answer (none: no stored one is).
const ASKED: [(&str, &str, Option<&str>); 14] = [
    ("same", "thủ tục cấp lại thẻ BHYT khi bị mất gồm những gì", Some("bhyt")),
    ("same", "thu tuc cap lai the bhyt khi bi mat gom nhung gi", Some("bhyt")),
    ("same", "Đăng ký khai sinh cho con cần mang theo giấy tờ gì ?", Some("khai-sinh")),
    ("paraphrase", "Làm lại thẻ bảo hiểm y tế bị mất thì cần thủ tục gì?", Some("bhyt")),
    ("paraphrase", "Tôi muốn đăng ký chữ ký số cá nhân thì đăng ký ở đâu?", Some("chu-ky-so")),
    ("paraphrase", "ket noi phan mem cua so vao LGSP tinh the nao", Some("lgsp")),
    ("paraphrase", "Tiếp xúc gần F0 thì cách ly ở nhà mấy ngày?", Some("cach-ly")),
    ("trap", "Hồ sơ xin giấy phép xuất khẩu thiết bị viễn thông gồm những gì?", None),
    ("trap", "Hệ thống thông tin cấp độ 4 phải kiểm tra an toàn bao lâu một lần?", None),
    ("trap", "Sau khi tiêm mũi 2 vắc xin Covid-19 bao lâu thì được tiêm mũi 3?", None),
    ("trap", "he thong thong tin cap do 2 phai kiem tra an toan bao lau mot lan", None),
    ("stranger", "Xe đạp điện có phải đăng ký biển số không?", None),
    ("stranger", "hom nay troi co mua khong", None),
    ("stranger", "???", None),
];

#[tokio::test]
async fn duplicates_are_found_and_traps_are_left_to_the_officer() {
    let answered = lines(&ANSWERED.map(|(id, question)| {
        json!({ "id": id, "question": question, "answer": format!("Trả lời của {id}."), "source": "test" })
    }));
    let asked = lines(&ASKED.map(|(kind, text, expect)| {
        json!({ "id": text, "kind": kind, "text": text, "expect": expect.as_slice(), "forbid": [] })
    }));
    let report = backtest::run(answered.path(), asked.path(), setup(), &|_, _, _| {}).await.unwrap();
    eprintln!("{report}");
    let kinds: &BTreeMap<_, _> = &report.kinds;
    assert_eq!((kinds["same"].drafted, kinds["same"].correct), (3, 3));
    assert_eq!(kinds["paraphrase"].top1, Some(1.0));
    assert_eq!(kinds["paraphrase"].drafted, kinds["paraphrase"].correct);
    assert_eq!(kinds["paraphrase"].drafted + kinds["paraphrase"].suggested, 4);
    assert_eq!((kinds["trap"].drafted, kinds["trap"].suggested), (0, 4));
    assert_eq!(kinds["stranger"].drafted, 0);
    assert_eq!(report.all.false_drafts, 0);
}

#[tokio::test]
async fn many_askers_at_once_get_the_vectors_of_their_own_texts() {
    let embedder = setup().embedder;
    let texts: Vec<String> = (0..24).map(|n| format!("câu hỏi số {n} về thủ tục")).collect();
    let together = embedder.embed(texts.clone()).await.unwrap();
    let mut asking = tokio::task::JoinSet::new();
    for (at, text) in texts.into_iter().enumerate() {
        let embedder = Arc::clone(&embedder);
        asking.spawn(async move { (at, embedder.embed(vec![text]).await.unwrap()) });
    }
    while let Some(answer) = asking.join_next().await {
        let (at, alone) = answer.unwrap();
        let cosine: f32 = alone[0].dense.iter().zip(&together[at].dense).map(|(a, b)| a * b).sum();
        assert!(cosine > 0.9999, "{at}: {cosine}");
    }
}
