//! A form of somebody whose session has ended: what was written is shown and can be sent again.

use askama::Template;
use axum::{
    extract::{FromRequest as _, FromRequestParts as _, Request},
    http::{HeaderMap, StatusCode, header},
};

use super::{Frame, Page, segment};
use crate::{
    fields::Form,
    session::{SIGN_IN, local},
    state::Gateway,
};

/// A text is shown from so many characters on; what is shorter are codes and choices.
const SHOWN_MIN: usize = 20;

#[derive(Template)]
#[template(path = "kept.html")]
struct KeptPage {
    frame: Frame,
    sign_in: String,
    /// Empty: it can't be sent again, as where it was photos or a file.
    action: String,
    fields: Vec<Field>,
}

struct Field {
    name: String,
    value: String,
    shown: bool,
}

/// The request has passed the check that it comes from this site.
pub(crate) async fn page(gateway: &Gateway, request: Request) -> Page {
    let (mut parts, body) = request.into_parts();
    let Ok(frame) = Frame::from_request_parts(&mut parts, gateway).await;
    let action = local(parts.uri.path()).unwrap_or_default().to_owned();
    let back = written_on(&parts.headers);
    let sign_in = format!("{SIGN_IN}?het=1&ve={}", segment(&back));
    let form = Form::from_request(Request::from_parts(parts, body), gateway).await;
    let (action, fields) = match form {
        Ok(Form(fields)) => (action, fields.into_pairs()),
        Err(_) => (String::new(), Vec::new()),
    };
    let fields = fields.into_iter().map(|(name, value)| {
        let shown = value.chars().count() >= SHOWN_MIN && value.contains(char::is_whitespace);
        Field { name, value, shown }
    });
    super::page(StatusCode::UNAUTHORIZED, &KeptPage { frame, sign_in, action, fields: fields.collect() })
}

/// The page that the form was on; our pages say so to this site only.
fn written_on(headers: &HeaderMap) -> String {
    let page = headers.get(header::REFERER).and_then(|page| page.to_str().ok());
    let path = page.and_then(|page| page.splitn(4, '/').nth(3)).map(|path| format!("/{path}"));
    path.as_deref().and_then(local).unwrap_or("/can-bo").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_form_is_one_of_this_site() {
        let on = |page: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::REFERER, page.parse().unwrap());
            written_on(&headers)
        };
        assert_eq!(on("https://hoi.gov.vn/can-bo/phieu/1?a=b"), "/can-bo/phieu/1?a=b");
        assert_eq!(on("https://hoi.gov.vn//evil.example"), "/can-bo");
        assert_eq!(on("nonsense"), "/can-bo");
        assert_eq!(written_on(&HeaderMap::new()), "/can-bo");
    }
}
