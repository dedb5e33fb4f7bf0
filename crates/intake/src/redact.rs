//! Takes personal data out of a text before it travels: e-mail addresses, phone, identity-card and
//! account numbers, addresses and names of persons. Rather one number too many than one too few;
//! what officers need to know is in the words around it. The original stays sealed.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use unicode_normalization::UnicodeNormalization as _;

const EMAIL: &str = "[thư điện tử]";
const NUMBER: &str = "[số riêng]";
const ADDRESS: &str = "[địa chỉ]";
const NAME: &str = "[họ tên]";

static EMAILS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[\w.!#$%&'*+/=?^`{|}~-]+\s?(?:@|\(at\)|\[at\])\s?[\w-]+(?:\s?\.\s?[\w-]+)+"));

/// Nine digits or more, with at most two separators between two of them: phone numbers (also with
/// +84), CMND (9), CCCD (12), tax codes of persons (10), account and card numbers.
static LONG_NUMBERS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\+?\d(?:[\s.,()_\u{2010}-\u{2015}-]{0,2}\d){8,}"));

/// Amounts like 1.500.000.000 are no one's number.
static AMOUNT: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[1-9]\d{0,2}(?:(?:\.\d{3})+|(?:,\d{3})+)$"));

/// Account numbers shorter than nine digits are told by the words before them.
static ACCOUNTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)((?:số\s+)?tài\s+khoản|(?:so\s+)?tai\s+khoan|stk|số\s+tk|so\s+tk|số\s+thẻ|so\s+the)([^\d\n]{0,20})(\d(?:[ .-]?\d){5,})",
    )
});

static ADDRESSES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)\b(số\s+nhà|so\s+nha|nhà\s+số|nha\s+so|thường\s+trú|thuong\s+tru|tạm\s+trú|tam\s+tru|ngụ\s+tại|ngu\s+tai",
        r"|trú\s+tại|tru\s+tai|nhà\s+(?:tôi|em|mình)\s+ở|nha\s+(?:toi|em|minh)\s+o",
        r"|(?:địa\s+chỉ|dia\s+chi)(?:\s+(?:nhà|nha|liên\s+hệ|lien\s+he|của\s+tôi|cua\s+toi|ở|o))?)",
        r"(\s*(?:tại|tai|là|la|ở|:)?\s*)((?:số|so|nhà|nha|căn|can|ngõ|ngo|ngách|ngach|hẻm|hem|kiệt|kiet|thôn|thon|tổ|to|ấp|ap|xóm|xom|khu|phường|phuong|xã|xa)?\s*\d[^.;?!\n]{0,120})",
    ))
});

/// Lanes and house numbers without an introduction: "ngõ 12/5 phố …", "hẻm 45".
static LANES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:\d+[a-z]?\s+)?(?:ngõ|ngách|hẻm|kiệt|ngo|ngach|hem|kiet)\s+\d+(?:/\d+)*[a-z]?(?:\s*,?\s*(?:đường|phố|duong|pho)\s+[^,.;?!\n]{1,40})?",
    )
});

static NAMES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"((?i:họ\s+(?:và\s+)?tên(?:\s+(?:tôi|em|con\s+tôi))?|ho\s+(?:va\s+)?ten|(?:tôi|em|mình|cháu|toi|minh|chau)\s+(?:tên|ten)|(?:tên|ten)\s+(?:tôi|em|mình|cháu|toi|minh|chau)|(?:tôi|em|toi)\s+(?:là|la))",
        r"\s*(?i:là|la)?\s*:?\s*)(\p{Lu}\p{L}*(?:\s+\p{Lu}\p{L}*){1,5})",
    ))
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of ours, compiled by the tests")
}

/// `text` without personal data. `known` is what the asker said of themselves (name, e-mail,
/// phone), which is taken out wherever it stands.
pub fn redact(text: &str, known: &[&str]) -> String {
    let mut text = text.to_owned();
    for said in known.iter().map(|said| said.trim()).filter(|said| said.chars().count() >= 4) {
        text = without(&text, said);
    }
    text = EMAILS.replace_all(&text, EMAIL).into_owned();
    text = ADDRESSES.replace_all(&text, format!("$1$2{ADDRESS}")).into_owned();
    text = LANES.replace_all(&text, ADDRESS).into_owned();
    text = LONG_NUMBERS.replace_all(&text, |found: &Captures<'_>| amount_or(&found[0])).into_owned();
    text = ACCOUNTS.replace_all(&text, format!("$1$2{NUMBER}")).into_owned();
    NAMES.replace_all(&text, format!("$1{NAME}")).into_owned()
}

/// `text` without `said`, however it is written: case and diacritics do not matter.
fn without(text: &str, said: &str) -> String {
    let (chars, said): (Vec<char>, Vec<char>) = (text.chars().collect(), said.chars().map(plain).collect());
    let mut kept = String::with_capacity(text.len());
    let mut rest = chars.as_slice();
    while let Some((&first, after)) = rest.split_first() {
        let here = rest
            .get(..said.len())
            .is_some_and(|part| part.iter().copied().map(plain).eq(said.iter().copied()));
        if here {
            kept.push_str(NAME);
            rest = &rest[said.len()..];
        } else {
            kept.push(first);
            rest = after;
        }
    }
    kept
}

/// The letter without case and diacritics.
fn plain(c: char) -> char {
    match c.nfd().next().unwrap_or(c) {
        'đ' | 'Đ' => 'd',
        base => base.to_lowercase().next().unwrap_or(base),
    }
}

fn amount_or(number: &str) -> String {
    if AMOUNT.is_match(number) { number.to_owned() } else { NUMBER.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(redact(text, &["Trần Thị Mẫu", "0900000000"]), expected, "{text}");
    }

    #[test]
    fn personal_data_is_taken_out() {
        check("gọi 0912 345 678 nhé", "gọi [số riêng] nhé");
        check("gọi +84.912.345.678", "gọi [số riêng]");
        check("gọi (024) 3936-1234 giúp", "gọi ([số riêng] giúp");
        check("CCCD 001099012345, CMND 123456789", "CCCD [số riêng], CMND [số riêng]");
        check("thư an.mau+1@example.com.vn", "thư [thư điện tử]");
        check("thư an.mau (at) example.com", "thư [thư điện tử]");
        check("STK: 1234567 ngân hàng", "STK: [số riêng] ngân hàng");
        check("tôi tên là Nguyễn Văn Mẫu, hỏi về thuế", "tôi tên là [họ tên], hỏi về thuế");
        check("TRẦN THỊ MẪU xin hỏi", "[họ tên] xin hỏi");
        check("em ten tran thi mau ạ", "em ten [họ tên] ạ");
        check("Thường trú: số 12 ngõ 5 phố Mẫu. Cho hỏi", "Thường trú: [địa chỉ]. Cho hỏi");
        check("dia chi nha toi 12 Ly Mau", "dia chi nha toi 12 Ly Mau");
        check("so nha 12 ngo 5", "so nha [địa chỉ]");
        check("đường ngập ở hẻm 45/2, phố Mẫu. Nhờ sửa", "đường ngập ở [địa chỉ]. Nhờ sửa");
    }

    #[test]
    fn what_a_question_is_about_stays() {
        for text in [
            "Nghị định 61/2018/NĐ-CP ngày 23/4/2018 quy định gì?",
            "Dự án 1.500.000.000 đồng có phải thẩm định không?",
            "Từ 2020 đến 2025 có bao nhiêu dịch vụ?",
            "Địa chỉ trang web của Cổng là gì?",
            "Tôi là cán bộ một cửa, xin hỏi",
            "Cổng 8080 và 8081 khác gì?",
        ] {
            check(text, text);
        }
    }

    proptest! {
        #[test]
        fn no_run_of_nine_digits_stays(before in "\\PC{0,20}", digits in "[0-9]{9,15}", after in "[^0-9]{0,20}") {
            let redacted = redact(&format!("{before} {digits} {after}"), &[]);
            prop_assert!(!redacted.contains(&digits));
        }

        #[test]
        fn anything_can_be_redacted(text in "\\PC{0,300}") {
            let _ = redact(&text, &["Trần Thị Mẫu"]);
        }
    }
}
