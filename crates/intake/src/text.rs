//! What an asker may type: checked and normalised at the door.

use runtime::Refusal;
use unicode_normalization::UnicodeNormalization as _;

const ADDRESS_CHARS_MAX: usize = 200;

/// `text` trimmed, in NFC, with plain line ends; refused if it is empty, longer than `chars_max`,
/// or holds characters that hide or reorder what people see.
pub fn checked(field: &'static str, text: &str, chars_max: usize) -> Result<String, Refusal> {
    let text = normal(text);
    if text.is_empty() {
        return Err(Refusal::invalid(field, "TEXT_EMPTY", format!("{field} is empty")));
    }
    optional(field, &text, chars_max)
}

/// Like [`checked`], but may be empty.
pub fn optional(field: &'static str, text: &str, chars_max: usize) -> Result<String, Refusal> {
    let text = normal(text);
    let chars = text.chars().count();
    if chars > chars_max {
        let message = format!("{field} has {chars} characters, more than {chars_max}");
        return Err(Refusal::invalid(field, "TEXT_TOO_LONG", message));
    }
    if let Some(bad) = text.chars().find(|c| is_hidden(*c)) {
        let message = format!("{field} holds the character U+{:04X}, which is not allowed", u32::from(bad));
        return Err(Refusal::invalid(field, "TEXT_CHARACTER_NOT_ALLOWED", message));
    }
    Ok(text)
}

/// What looks like an e-mail address: whether it is one is found out by writing to it.
pub fn address(field: &'static str, text: &str) -> Result<String, Refusal> {
    let text = checked(field, text, ADDRESS_CHARS_MAX)?;
    if !text.contains('@') || text.contains(char::is_whitespace) {
        return Err(Refusal::invalid(field, "EMAIL_NOT_VALID", format!("{field} is no e-mail address")));
    }
    Ok(text)
}

/// Without the zero-width characters that copying brings along, which would hide a number from
/// redaction.
fn normal(text: &str) -> String {
    let seen = text.replace("\r\n", "\n").replace(is_zero_width, "");
    seen.trim().nfc().collect()
}

fn is_zero_width(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}')
}

/// Control characters but tab and line end; bidirectional marks, embeddings, overrides and
/// isolates; the byte order mark.
fn is_hidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let got = checked("text", text, 20);
        assert_eq!(got.as_deref().map_err(Refusal::reason), expected, "{text:?}");
    }

    #[test]
    fn the_door() {
        check("  hỏi về thuế ", Ok("hỏi về thuế"));
        check("ho\u{302}\u{309}i", Ok("hổi"));
        check("một\r\nhai", Ok("một\nhai"));
        check("0912\u{200b}345\u{ad}678", Ok("0912345678"));
        check("\u{200b} ", Err("TEXT_EMPTY"));
        check(" \n ", Err("TEXT_EMPTY"));
        check("một câu hỏi dài hơn hai mươi chữ", Err("TEXT_TOO_LONG"));
        for bad in ['\0', '\u{1b}', '\u{202E}', '\u{2066}', '\u{FEFF}', '\u{85}'] {
            check(&format!("hỏi{bad}đáp"), Err("TEXT_CHARACTER_NOT_ALLOWED"));
        }
    }

    #[test]
    fn an_address_has_an_at_and_no_space() {
        let check = |text: &str| address("email", text).map_err(|refusal| refusal.reason().to_owned());
        assert_eq!(check(" an@hoi.example "), Ok("an@hoi.example".into()));
        for bad in ["an", "an @hoi.example", "a@b\nc@d"] {
            assert_eq!(check(bad), Err("EMAIL_NOT_VALID".into()), "{bad}");
        }
        assert_eq!(check(&format!("{}@x", "a".repeat(200))), Err("TEXT_TOO_LONG".into()));
    }
}
