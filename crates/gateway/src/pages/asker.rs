//! Asking, with what was answered to the like.

use api::{
    intake::v1::{Asker, Kind, Place, SendEmailCodeRequest, SubmitQuestionRequest},
    knowledge::v1::SearchRequest,
};
use askama::Template;
use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
};
use uuid::Uuid;

use super::{
    Frame, Page,
    library::{Found, look},
    page,
    report::{self, Near},
    segment, sentence,
    sign_in::with_cookie,
    verify::{self, Shown},
    words,
};
use crate::{
    assets::PLACE_JS_URL,
    fields::{Fields, Form},
    language::{Language, Said},
    organisation::Choice,
    problem::Problem,
    state::Gateway,
    upload::Upload,
};

const SUGGESTIONS: usize = 3;
/// More are looked at than shown: those that are not near fall away.
const LOOKED_AT: u32 = 10;

#[derive(Template)]
#[template(path = "ask.html")]
struct AskPage {
    frame: Frame,
    ask: Ask,
    kinds: Vec<KindChoice>,
    fields: Vec<Choice>,
    error: String,
    /// Where it goes, when it is no question; the asker may say that it is one.
    elsewhere: String,
    looked: bool,
    found: Vec<Found>,
    place_js: &'static str,
    photo_megabytes: u32,
    /// A report that somebody made there before.
    near: Option<Near>,
    /// Whether codes can be mailed, to show that one reads the address's mail.
    mails_codes: bool,
    /// Whom a provider says that the asker is; empty: nobody yet.
    shown: String,
    /// What the provider is called; empty: there is none.
    provider: String,
}

struct KindChoice {
    choice: Choice,
    /// What it demands of the asker; empty: nothing.
    demand: Said,
}

/// The form as the asker filled it in, kept when it is refused.
#[derive(Default)]
struct Ask {
    request_id: String,
    kind: String,
    text: String,
    field: String,
    name: String,
    email: String,
    phone: String,
    organisation: String,
    insist: bool,
    /// Of a report.
    coordinates: String,
    address: String,
    photo_ids: Vec<String>,
    /// The asker was shown what was reported near.
    anyway: bool,
    /// Of the code that was mailed; empty: none was.
    verification_id: String,
    email_code: String,
}

impl Ask {
    fn new() -> Self {
        Self { request_id: fresh_id(), kind: Kind::Question.as_str_name().to_owned(), ..Self::default() }
    }

    fn read(fields: &Fields) -> Self {
        Self {
            request_id: fields.text("request_id"),
            kind: fields.text("kind"),
            text: fields.text("text"),
            field: fields.text("field"),
            name: fields.text("name"),
            email: fields.text("email"),
            phone: fields.text("phone"),
            organisation: fields.text("organisation"),
            insist: !fields.text("insist").is_empty(),
            coordinates: fields.text("coordinates"),
            address: fields.text("address"),
            photo_ids: fields.all("photo_id"),
            anyway: !fields.text("anyway").is_empty(),
            verification_id: fields.text("verification_id"),
            email_code: fields.text("email_code"),
        }
    }

    fn is_report(&self) -> bool {
        self.kind == Kind::Report.as_str_name()
    }

    /// What belongs to a report goes with a report only: with other kinds the page does not show it.
    fn request(&self, place: Option<Place>, shown: &Shown) -> SubmitQuestionRequest {
        let of_report = |text: &str| if self.is_report() { text.to_owned() } else { String::new() };
        SubmitQuestionRequest {
            request_id: self.request_id.clone(),
            kind: Kind::from_str_name(&self.kind).unwrap_or_default().into(),
            text: self.text.clone(),
            field: self.field.clone(),
            asker: Some(Asker {
                name: self.name.clone(),
                email: self.email.clone(),
                phone: self.phone.clone(),
                organisation: self.organisation.clone(),
            }),
            insist: self.insist,
            place,
            address: of_report(&self.address),
            photo_ids: if self.is_report() { self.photo_ids.clone() } else { Vec::new() },
            verification_id: self.verification_id.clone(),
            email_code: self.email_code.clone(),
            identity: shown.identity(),
        }
    }
}

/// Latitude and longitude as maps give them: `21.0285, 105.8542`; with decimal commas a semicolon parts
/// them.
fn coordinates(typed: &str) -> Result<Option<Place>, Problem> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let (latitude, longitude, comma) = match (typed.split_once(';'), typed.split_once(',')) {
        (Some((latitude, longitude)), _) => (latitude, longitude, ','),
        (None, Some((latitude, longitude))) => (latitude, longitude, '.'),
        (None, None) => ("", "", '.'),
    };
    let degrees = |text: &str| text.trim().replace(comma, ".").parse::<f64>().ok();
    match (degrees(latitude), degrees(longitude)) {
        (Some(latitude), Some(longitude)) => Ok(Some(Place { latitude, longitude })),
        _ => Err(Problem::invalid("COORDINATES_NOT_VALID").field("place", "is latitude, longitude")),
    }
}

/// The form carries its id, so that a double submission is one ticket.
pub(super) fn fresh_id() -> String {
    Uuid::new_v4().to_string()
}

async fn suggested(gateway: &Gateway, text: String) -> Result<Vec<Found>, Problem> {
    let request = SearchRequest { q: text, limit: LOOKED_AT, field: String::new() };
    let mut found = look(gateway, request).await?;
    found.truncate(SUGGESTIONS);
    Ok(found)
}

#[derive(Template)]
#[template(path = "suggestions.html")]
struct Suggestions {
    frame: Frame,
    found: Vec<Found>,
}

/// A part of the page, for the script: answers to the like of what is being typed. Posted, since addresses are
/// written down on their way and this is not redacted yet.
pub(super) async fn suggestions(State(gateway): State<Gateway>, frame: Frame, Form(fields): Form) -> Page {
    let found = suggested(&gateway, fields.text("q")).await?;
    page(StatusCode::OK, &Suggestions { frame, found })
}

/// This page may ask the browser where it is.
fn may_locate(mut response: Response) -> Response {
    let policy = HeaderValue::from_static("camera=(), geolocation=(self), microphone=()");
    response.headers_mut().insert(HeaderName::from_static("permissions-policy"), policy);
    response
}

pub(super) async fn ask_form(State(gateway): State<Gateway>, frame: Frame, shown: Shown) -> Page {
    let template = AskPage::new(&gateway, frame, Ask::new(), &shown).await;
    page(StatusCode::OK, &template).map(may_locate)
}

impl AskPage {
    async fn new(gateway: &Gateway, frame: Frame, ask: Ask, shown: &Shown) -> Self {
        let (organisation, demands) = (gateway.organisation().await, gateway.demands().await);
        let demand = |kind: &Choice| demands.of(Kind::from_str_name(&kind.code).unwrap_or_default());
        let kinds = words::kinds(frame.language).into_iter().map(|choice| {
            let demand = words::demand(frame.language, demand(&choice));
            KindChoice { choice, demand }
        });
        let config = &gateway.config().asker_oidc;
        let provider = gateway.asker_provider().map(|_| match config.name.as_str() {
            "" => frame.t("ask-provider").into_owned(),
            name => name.to_owned(),
        });
        Self {
            kinds: kinds.collect(),
            fields: organisation.fields(),
            mails_codes: demands.mails_codes(),
            shown: shown.name().to_owned(),
            provider: provider.unwrap_or_default(),
            error: String::new(),
            elsewhere: String::new(),
            looked: false,
            found: Vec::new(),
            place_js: &PLACE_JS_URL,
            photo_megabytes: u32::try_from(gateway.config().photo_max_bytes >> 20).unwrap_or(u32::MAX),
            near: None,
            frame,
            ask,
        }
    }
}

/// Submits, or with the button `look` shows what was answered to the like: the suggestions of
/// those without JavaScript.
pub(super) async fn ask(
    State(gateway): State<Gateway>,
    frame: Frame,
    mut shown: Shown,
    upload: Upload,
) -> Page {
    let mut ask = Ask::read(&upload.fields);
    ask.photo_ids.extend(upload.photo_ids);
    let step = upload.fields.text("step");
    let looked = step == "look";
    let mut cookie = None;
    let (mut found, mut near) = (Vec::new(), None);
    let refused = if let Some(problem) = upload.refused.filter(|_| ask.is_report()) {
        Some(problem)
    } else if looked {
        suggested(&gateway, ask.text.clone()).await.map(|answers| found = answers).err()
    } else if step == "code" {
        mail_code(&gateway, &mut ask).await.err()
    } else if step == "forget" {
        shown = Shown(None);
        cookie = verify::forget(&gateway);
        None
    } else {
        match send(&gateway, frame.language, &ask, &shown).await {
            Ok(Sent::Taken(code)) => {
                let code = segment(&code);
                return Ok(Redirect::to(&format!("/theo-doi/{code}?new=1")).into_response());
            }
            Ok(Sent::Near(report)) => {
                near = Some(report);
                None
            }
            Err(problem) if problem.reason == "EMAIL_NOT_VERIFIED" => {
                mail_code(&gateway, &mut ask).await.err()
            }
            Err(problem) => Some(problem),
        }
    };
    if refused.as_ref().is_some_and(|p| p.reason == "EMAIL_CODE_SPENT") {
        ask.verification_id.clear();
    }
    if refused.as_ref().is_some_and(|p| p.reason == "REQUEST_ID_REUSED") {
        // Changed after it was sent: the next submission is another question.
        ask.request_id = fresh_id();
    }
    if refused.as_ref().is_some_and(|p| p.reason == "PHOTO_NOT_FOUND") {
        // Kept for a while only: they are to be chosen again.
        ask.photo_ids.clear();
    }
    let status = refused.as_ref().map_or(StatusCode::OK, |p| p.status);
    let template = AskPage {
        looked: looked && refused.is_none(),
        error: refused.as_ref().map(|p| sentence(frame.language, p)).unwrap_or_default(),
        elsewhere: refused
            .filter(|p| p.reason == "GOES_ELSEWHERE")
            .map(Problem::into_detail)
            .unwrap_or_default(),
        found,
        near,
        ..AskPage::new(&gateway, frame, ask, &shown).await
    };
    Ok(with_cookie(may_locate(page(status, &template)?), cookie))
}

/// Has a code mailed to the address in the form; the next submission is to bring it.
async fn mail_code(gateway: &Gateway, ask: &mut Ask) -> Result<(), Problem> {
    let request = gateway.ask(SendEmailCodeRequest { email: ask.email.clone() });
    let sent = gateway.verification().send_email_code(request).await?.into_inner();
    ask.verification_id = sent.verification_id;
    ask.email_code.clear();
    Ok(())
}

/// What became of a form that was sent.
enum Sent {
    /// The tracking code.
    Taken(String),
    /// Somebody reported something near it before: the asker decides.
    Near(Near),
}

async fn send(gateway: &Gateway, language: Language, ask: &Ask, shown: &Shown) -> Result<Sent, Problem> {
    let place = if ask.is_report() { coordinates(&ask.coordinates)? } else { None };
    if let Some(place) = place.filter(|_| !ask.anyway)
        && let Some(near) = report::nearest(gateway, language, place, &ask.field).await
    {
        return Ok(Sent::Near(near));
    }
    let request = gateway.ask(ask.request(place, shown));
    // Who the asker is counts only from the platform's own processes.
    let mut intake = if shown.0.is_some() { gateway.intake_as_gateway() } else { gateway.intake(None) };
    let response = intake.submit_question(request).await?;
    Ok(Sent::Taken(response.into_inner().tracking_code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_read_as_maps_give_them() {
        let hanoi = Some(Place { latitude: 21.0285, longitude: 105.8542 });
        for typed in ["21.0285, 105.8542", "21.0285,105.8542", " 21.0285 ; 105.8542 ", "21,0285; 105,8542"] {
            assert_eq!(coordinates(typed).unwrap(), hanoi, "{typed}");
        }
        assert_eq!(coordinates("  ").unwrap(), None);
        for typed in ["21.0285", "21.0285 105.8542", "bắc, đông", "1, 2, 3", ";"] {
            assert_eq!(coordinates(typed).unwrap_err().reason, "COORDINATES_NOT_VALID", "{typed}");
        }
    }

    #[test]
    fn what_belongs_to_a_report_goes_with_a_report_only() {
        let mut ask = Ask { address: "cổng sau".into(), photo_ids: vec!["x".into()], ..Ask::new() };
        let question = ask.request(None, &Shown(None));
        assert!(question.address.is_empty() && question.photo_ids.is_empty());
        ask.kind = Kind::Report.as_str_name().to_owned();
        let report = ask.request(None, &Shown(None));
        assert!(report.address == "cổng sau" && report.photo_ids == ["x"]);
    }
}
