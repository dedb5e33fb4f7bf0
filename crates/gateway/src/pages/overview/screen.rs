//! Screens on a wall. An officer's session ends when nobody works in it; a wall that is only looked at has one of
//! its own, which lasts for days, is never renewed, and opens the wall's page and its stream and nothing else.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse as _, Redirect},
};
use chrono::Duration;
use runtime::{Principal, RoleName, Session, SignedInBy};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Chosen, Counted, Opened, chosen::HOME, view::Live};
use crate::{
    fields::{Form, Query},
    pages::{Frame, Page, page, sign_in::with_cookie, words},
    problem::Problem,
    session::{self, SignedIn},
    state::Gateway,
};

pub(in crate::pages) const PATH: &str = "/tong-quan/tuong";
pub(in crate::pages) const CLOSE: &str = "/tong-quan/tuong/dong-lai";

const COOKIE: &str = "motcua_wall";
/// Sealed for this, the cookie is no token: nothing but this file reads it.
const PURPOSE: &str = "overview wall";
/// How long the token is good with which the figures are counted once.
const COUNT_MINUTES: i64 = 5;

/// What a screen's cookie says.
#[derive(Serialize, Deserialize)]
pub(super) struct Screen {
    /// Whoever opened it, as no more than a reader of reports.
    reader: Principal,
    session: Session,
    chosen: Chosen,
}

impl Screen {
    fn open(gateway: &Gateway, opener: &SignedIn, chosen: Chosen) -> Result<HeaderValue, Problem> {
        let (context, config) = (gateway.context(), gateway.config());
        let began = context.clock.now();
        let until = began + Duration::days(config.wall_days.into());
        // With the account it ends too; the name is nobody's business there.
        let by = opener.session.as_ref().map_or(SignedInBy::Token, |session| session.by);
        let session = Session { id: Uuid::new_v4(), began, until, by, name: String::new() };
        let reader = Principal { role: RoleName::Analyst, ..opener.principal.clone() };
        gateway.standing().begun(&session, reader.unit.as_deref());
        let screen = Self { reader, session, chosen };
        let sealed = context.tokens().seal(PURPOSE, &screen, Some(until)).map_err(|error| {
            tracing::error!(%error, "a wall's session was not sealed");
            Problem::internal()
        })?;
        let seconds = u64::from(config.wall_days) * 24 * 60 * 60;
        session::set_cookie(COOKIE, &sealed, seconds, "Strict", config).ok_or_else(Problem::internal)
    }

    /// The screen whose cookie this is, if it still holds.
    async fn of(headers: &HeaderMap, gateway: &Gateway) -> Result<Option<Self>, Problem> {
        let context = gateway.context();
        let sealed = session::cookie(headers, &session::name(COOKIE, gateway.config()));
        let opened = sealed.and_then(|sealed| context.tokens().open(PURPOSE, sealed, context.clock.now()));
        let Some(screen) = opened else { return Ok(None) };
        let Self { reader, session, .. } = &screen;
        let held = gateway.standing().check(gateway, reader, Some(session)).await?;
        Ok((!held.ended).then_some(screen))
    }
}

/// Who looks at a wall.
pub(super) enum Viewer {
    Person(SignedIn),
    Screen(Screen),
}

impl Viewer {
    /// Whoever is signed in, at what the address says; else a screen, at what it was opened for. `Err` within: the
    /// way to the sign-in.
    pub async fn of(
        gateway: &Gateway,
        caller: Result<SignedIn, Redirect>,
        headers: &HeaderMap,
        chosen: Chosen,
    ) -> Result<Result<(Self, Chosen), Redirect>, Problem> {
        let screen = Screen::of(headers, gateway).await?;
        // Before the person's: what is looked at is the same, and it lasts.
        Ok(match (caller, screen) {
            (Ok(_), Some(screen)) if screen.chosen == chosen => Ok((Self::Screen(screen), chosen)),
            (Ok(person), _) => Ok((Self::Person(person), chosen)),
            (Err(_), Some(screen)) => {
                let chosen = screen.chosen.clone();
                Ok((Self::Screen(screen), chosen))
            }
            (Err(to_sign_in), None) => Err(to_sign_in),
        })
    }

    /// With which the figures are counted.
    pub fn token(&self, gateway: &Gateway) -> Result<String, Problem> {
        let screen = match self {
            Self::Person(person) => return Ok(person.token.clone()),
            Self::Screen(screen) => screen,
        };
        let context = gateway.context();
        let (lasting, now) = (Duration::minutes(COUNT_MINUTES), context.clock.now());
        context.tokens().sign(&screen.reader, lasting, now).map_err(|error| {
            tracing::error!(%error, "a wall's token was not made");
            Problem::internal()
        })
    }

    pub fn subject(&self) -> &str {
        match self {
            Self::Person(person) => &person.principal.subject,
            Self::Screen(screen) => &screen.reader.subject,
        }
    }

    /// Whether the session has not ended since.
    pub async fn still_holds(&self, gateway: &Gateway) -> bool {
        let Screen { reader, session, .. } = match self {
            Self::Person(person) => return person.still_holds(gateway).await,
            Self::Screen(screen) => screen,
        };
        // While routing cannot be reached it goes on: nobody is there to load a page again.
        let held = gateway.standing().check(gateway, reader, Some(session)).await;
        gateway.context().clock.now() < session.until && !held.is_ok_and(|held| held.ended)
    }
}

#[derive(Template)]
#[template(path = "wall.html")]
struct WallPage {
    frame: Frame,
    live: Live,
    query: String,
    counted: Counted,
    js: &'static str,
    /// Until when the screen stays open; empty: a person is signed in instead.
    until: String,
}

/// Full screen, for the wall of an operations centre.
pub(in crate::pages) async fn wall(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: Result<SignedIn, Redirect>,
    headers: HeaderMap,
    Query(query): Query,
) -> Page {
    let viewer = Viewer::of(&gateway, caller, &headers, Chosen::of(&query)?).await?;
    let (viewer, chosen) = match viewer {
        Ok(viewer) => viewer,
        Err(to_sign_in) => return Ok(to_sign_in.into_response()),
    };
    let token = viewer.token(&gateway)?;
    let Opened { live, query, counted, js } = Opened::new(&gateway, &frame, &token, &chosen).await?;
    let until = match &viewer {
        Viewer::Person(_) => String::new(),
        Viewer::Screen(screen) => words::moment(frame.language, Some(&api::timestamp(screen.session.until))),
    };
    page(StatusCode::OK, &WallPage { frame, live, query, counted, js, until })
}

/// Makes a screen of the browser that asks.
pub(in crate::pages) async fn open(
    State(gateway): State<Gateway>,
    opener: SignedIn,
    Form(fields): Form,
) -> Page {
    let chosen = Chosen::of(&fields)?;
    let to = format!("{PATH}?{}", chosen.query());
    let cookie = Screen::open(&gateway, &opener, chosen)?;
    Ok(with_cookie(Redirect::to(&to).into_response(), Some(cookie)))
}

/// Makes an ordinary browser of a screen again: its cookie, wherever it was copied to, opens nothing more.
pub(in crate::pages) async fn close(State(gateway): State<Gateway>, headers: HeaderMap) -> Page {
    if let Some(Screen { reader, session, .. }) = Screen::of(&headers, &gateway).await? {
        gateway.standing().end(&gateway, &session, reader.unit.as_deref()).await;
    }
    let cookie = session::set_cookie(COOKIE, "", 0, "Strict", gateway.config());
    Ok(with_cookie(Redirect::to(HOME).into_response(), cookie))
}
