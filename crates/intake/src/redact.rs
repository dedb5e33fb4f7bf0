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

/// Nine digits or more, with at most three separators between two of them: phone numbers (also with
/// +84), CMND (9), CCCD (12), tax codes of persons (10), account and card numbers.
static LONG_NUMBERS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\+?\d(?:[\s.,()_\u{2010}-\u{2015}-]{0,3}\d){8,}"));

/// Amounts like 1.500.000.000 đồng are no one's number; the same form without a word for what is
/// counted may be one.
static AMOUNT: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[1-9]\d{0,2}(?:(?:\.\d{3})+|(?:,\d{3})+)$"));
static COUNTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^\s?(?i:đồng|dong|vnđ|vnd|đ|usd|người|nguoi|lượt|luot|hồ sơ|ho so)(?:[^\p{L}\d]|$)")
});

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
    text = without_numbers(&text);
    text = ACCOUNTS.replace_all(&text, format!("$1$2{NUMBER}")).into_owned();
    NAMES.replace_all(&text, format!("$1{NAME}")).into_owned()
}

/// `text` without `said` as words of their own, however they are written: case, diacritics and
/// spaces do not matter. A single word could be any word: it must be written as a name.
fn without(text: &str, said: &str) -> String {
    let (chars, said): (Vec<char>, Vec<char>) = (text.chars().collect(), said.chars().collect());
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&first) = chars.get(at) {
        let begins = at == 0 || !chars[at - 1].is_alphanumeric();
        let found = begins.then(|| said_at(&chars[at..], &said)).flatten();
        if let Some(length) = found {
            kept.push_str(NAME);
            at += length;
        } else {
            kept.push(first);
            at += 1;
        }
    }
    kept
}

/// How many characters `said` takes up at the beginning of `text`, if it is there.
fn said_at(text: &[char], said: &[char]) -> Option<usize> {
    let one_word = said.iter().all(|c| c.is_alphabetic());
    if one_word && !text.first()?.is_uppercase() {
        return None;
    }
    let mut at = 0;
    for &c in said {
        if c.is_whitespace() {
            let spaces = text[at..].iter().take_while(|c| c.is_whitespace()).count();
            // A run of spaces in `said` was met by its first one.
            if spaces == 0 && !text.get(at.checked_sub(1)?)?.is_whitespace() {
                return None;
            }
            at += spaces;
            continue;
        }
        let here = *text.get(at)?;
        let same = if one_word { here.to_lowercase().eq(c.to_lowercase()) } else { plain(here) == plain(c) };
        if !same {
            return None;
        }
        at += 1;
    }
    text.get(at).is_none_or(|next| !next.is_alphanumeric()).then_some(at)
}

/// The letter without case and diacritics.
fn plain(c: char) -> char {
    match c.nfd().next().unwrap_or(c) {
        'đ' | 'Đ' => 'd',
        base => base.to_lowercase().next().unwrap_or(base),
    }
}

fn without_numbers(text: &str) -> String {
    let replaced = LONG_NUMBERS.replace_all(text, |found: &Captures<'_>| {
        let number = found.get_match();
        let counted = AMOUNT.is_match(number.as_str()) && COUNTED.is_match(&text[number.end()..]);
        if counted { number.as_str().to_owned() } else { NUMBER.to_owned() }
    });
    replaced.into_owned()
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
        check("Trân trọng, Trần  Thị\nMẫu", "Trân trọng, [họ tên]");
        check("gọi 0912 - 345 - 678", "gọi [số riêng]");
        check("CMND 123.456.789 của tôi", "CMND [số riêng] của tôi");
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

    #[test]
    fn a_name_of_one_word_is_not_looked_for_inside_other_words() {
        for (name, text, expected) in [
            ("Dung", "nội dung sử dụng thế nào", "nội dung sử dụng thế nào"),
            ("Phương", "UBND phường ở phương nào", "UBND phường ở phương nào"),
            ("Thanh", "Thanh toán thế nào? Thanh hỏi", "[họ tên] toán thế nào? [họ tên] hỏi"),
            ("Dung", "Dùng thẻ nào? Xin cảm ơn, Dung.", "Dùng thẻ nào? Xin cảm ơn, [họ tên]."),
        ] {
            assert_eq!(redact(text, &[name]), expected);
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
