//! `application/x-www-form-urlencoded`, read strictly: the usual decoders replace invalid UTF-8
//! silently and forget repeated names.

use api::Timestamp;
use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{StatusCode, header, request::Parts},
};

use chrono::{DateTime, Utc};

use crate::{body, problem::Problem, state::Gateway};

/// Names and values in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    pub fn parse(encoded: &[u8]) -> Result<Self, Problem> {
        let mut fields = Vec::new();
        for pair in encoded.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
            let at = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
            let value = pair.get(at + 1..).unwrap_or_default();
            fields.push((decode(&pair[..at])?, decode(value)?));
        }
        Ok(Self(fields))
    }

    /// All of them, as they came.
    pub fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    pub fn push(&mut self, name: String, value: String) {
        self.0.push((name, value));
    }

    /// The first value of that name; empty when there is none. Line ends become `\n`.
    pub fn text(&self, name: &str) -> String {
        let value = self.0.iter().find(|(n, _)| n == name);
        value.map_or_else(String::new, |(_, v)| v.replace("\r\n", "\n"))
    }

    /// All values of that name.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone()).collect()
    }

    /// A whole number; 0 when the name is absent or empty.
    pub fn number(&self, name: &'static str) -> Result<u32, Problem> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(0);
        }
        text.parse()
            .map_err(|_| Problem::invalid("NOT_A_NUMBER").field(name, "must be a whole number, 0 or more"))
    }

    /// A decimal number; `None` when the name is absent or empty.
    pub fn decimal(&self, name: &'static str) -> Result<Option<f64>, Problem> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        let number =
            text.parse().map_err(|_| Problem::invalid("NOT_A_NUMBER").field(name, "must be a number"))?;
        Ok(Some(number))
    }

    /// A moment by RFC 3339; `None` when the name is absent or empty.
    pub fn moment(&self, name: &'static str) -> Result<Option<Timestamp>, Problem> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        let moment: DateTime<Utc> = text
            .parse()
            .map_err(|_| Problem::invalid("NOT_A_MOMENT").field(name, "must be like 2026-11-28T00:00:00Z"))?;
        Ok(Some(api::timestamp(moment)))
    }

    /// `true` or `false`; `false` when the name is absent or empty.
    pub fn flag(&self, name: &'static str) -> Result<bool, Problem> {
        match self.text(name).as_str() {
            "true" => Ok(true),
            "" | "false" => Ok(false),
            _ => Err(Problem::invalid("NOT_A_FLAG").field(name, "must be true or false")),
        }
    }

    /// Refuses names the route does not know: a misspelt parameter must not be ignored.
    pub fn only(self, known: &[&str]) -> Result<Self, Problem> {
        match self.0.iter().find(|(n, _)| !known.contains(&n.as_str())) {
            Some((unknown, _)) => Err(Problem::invalid("PARAMETER_UNKNOWN")
                .detail(format!("known parameters: {}", known.join(", ")))
                .field(&unknown.chars().take(40).collect::<String>(), "unknown parameter")),
            None => Ok(self),
        }
    }
}

fn decode(encoded: &[u8]) -> Result<String, Problem> {
    let invalid = || Problem::invalid("ENCODING_INVALID");
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (hex, tail) = rest.split_at_checked(2).ok_or_else(invalid)?;
                rest = tail;
                // `from_str_radix` alone would take a sign.
                if !hex.iter().all(u8::is_ascii_hexdigit) {
                    return Err(invalid());
                }
                let hex = std::str::from_utf8(hex).map_err(|_| invalid())?;
                u8::from_str_radix(hex, 16).map_err(|_| invalid())?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| invalid())
}

/// The parameters after `?`.
pub(crate) struct Query(pub Fields);

impl FromRequestParts<Gateway> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Gateway) -> Result<Self, Problem> {
        Fields::parse(parts.uri.query().unwrap_or_default().as_bytes()).map(Self)
    }
}

/// A posted HTML form.
pub(crate) struct Form(pub Fields);

impl FromRequest<Gateway> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        if !kind.is_some_and(|k| k.starts_with("application/x-www-form-urlencoded")) {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BODY_NOT_A_FORM"));
        }
        let max = gateway.config().form_max_bytes(request.uri().path());
        let bytes = body::read(request.into_body(), max).await?;
        Fields::parse(&bytes).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded_strictly() {
        let fields = Fields::parse(b"q=c%E1%BB%99t+%C4%91%C3%A8n&source=a&source=b&x&n=7&f=true").unwrap();
        assert_eq!(fields.text("q"), "cột đèn");
        assert_eq!(fields.all("source"), ["a", "b"]);
        assert_eq!(fields.number("n").unwrap(), 7);
        assert_eq!(fields.number("absent").unwrap(), 0);
        assert_eq!((fields.flag("f").unwrap(), fields.flag("absent").unwrap()), (true, false));
        assert_eq!(fields.flag("n").unwrap_err().reason, "NOT_A_FLAG");
        assert_eq!(fields.text("x"), "");
        for broken in ["q=%FF", "q=%4", "q=%zz", "q=%+1"] {
            let problem = Fields::parse(broken.as_bytes()).unwrap_err();
            assert_eq!(problem.reason, "ENCODING_INVALID", "{broken}");
        }
    }

    #[test]
    fn decimals_and_moments_are_read_or_refused() {
        let fields = Fields::parse(b"a=21.5&b=2026-11-28T00:00:00Z&c=x").unwrap();
        assert_eq!((fields.decimal("a").unwrap(), fields.decimal("d").unwrap()), (Some(21.5), None));
        assert_eq!(fields.moment("b").unwrap().unwrap().seconds, 1_795_824_000);
        assert_eq!(fields.decimal("c").unwrap_err().reason, "NOT_A_NUMBER");
        assert_eq!(fields.moment("c").unwrap_err().reason, "NOT_A_MOMENT");
    }

    #[test]
    fn a_misspelt_parameter_is_refused() {
        let fields = Fields::parse(b"limt=3").unwrap();
        let problem = fields.only(&["q", "limit"]).unwrap_err();
        assert_eq!(problem.first_field(), Some("limt"));
    }

    #[test]
    fn a_number_out_of_range_is_refused() {
        for text in ["n=-1", "n=1.5", "n=ba", "n=99999999999"] {
            let fields = Fields::parse(text.as_bytes()).unwrap();
            assert_eq!(fields.number("n").unwrap_err().reason, "NOT_A_NUMBER");
        }
    }
}
