//! The overview that moves by itself: server-sent events. `figures` brings the parts of the page anew, `pulse` says when
//! they were last counted, `ended` that the session is over.

use std::{convert::Infallible, sync::Arc};

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::{
        IntoResponse as _, Redirect, Response,
        sse::{Event, Sse},
    },
};
use futures::Stream;

use super::{Chosen, Live, live_of, moment, screen::Viewer};
use crate::{
    fields::Query,
    overviews::{Figures, Place},
    pages::{Frame, rendered},
    problem::Problem,
    session::SignedIn,
    state::Gateway,
};

#[derive(Template)]
#[template(path = "overview_live.html")]
struct LivePart<'a> {
    frame: &'a Frame,
    live: Live,
    query: &'a str,
}

#[derive(Template)]
#[template(path = "wall_live.html")]
struct WallPart {
    live: Live,
}

/// One reader's stream.
struct Reader {
    gateway: Gateway,
    frame: Frame,
    viewer: Viewer,
    chosen: Chosen,
    wall: bool,
    /// What it was told last.
    told: Option<Arc<Figures>>,
    _place: Place,
}

pub(in crate::pages) async fn stream(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: Result<SignedIn, Redirect>,
    headers: HeaderMap,
    Query(query): Query,
) -> Result<Response, Problem> {
    let chosen = Chosen::of(&query)?;
    let wall = query.text("man") == "tuong";
    let viewer = if wall {
        Viewer::of(&gateway, caller, &headers, chosen).await?
    } else {
        caller.map(|person| (Viewer::Person(person), chosen))
    };
    let (viewer, chosen) = match viewer {
        Ok(viewer) => viewer,
        Err(to_sign_in) => return Ok(to_sign_in.into_response()),
    };
    let place = gateway.overviews().enter(viewer.subject())?;
    let reader = Reader { gateway, frame, viewer, chosen, wall, told: None, _place: place };
    let mut response = Sse::new(reader.events()).into_response();
    // A proxy that gathers the answer would keep the events back.
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

impl Reader {
    /// Ends with the session and with the process.
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> + Send {
        futures::stream::unfold(Some(self), async |reader| {
            let mut reader = reader?;
            if reader.told.is_some() {
                let wait = tokio::time::sleep(reader.gateway.config().overview_refresh());
                let shutdown = reader.gateway.context().shutdown.clone();
                shutdown.run_until_cancelled(wait).await?;
            }
            if !reader.viewer.still_holds(&reader.gateway).await {
                return Some((Ok(Event::default().event("ended").data("1")), None));
            }
            let event = reader.next().await;
            Some((Ok(event), Some(reader)))
        })
    }

    async fn next(&mut self) -> Event {
        let figures = match self.count().await {
            Ok(figures) => figures,
            // The page says by itself that it hears nothing; the connection is kept to try again.
            Err(problem) => {
                tracing::warn!(reason = %problem.reason, "the overview could not be counted");
                self.told.get_or_insert_default();
                return Event::default().comment("away");
            }
        };
        let counted = moment(&figures);
        let known = self.told.as_ref().is_some_and(|told| told.same(&figures));
        self.told = Some(figures.clone());
        if known {
            return Event::default().event("pulse").data(counted);
        }
        match self.part(&figures).await {
            // An event has lines; what else ends one in HTML is white space.
            Ok(html) => Event::default().event("figures").id(counted).data(html.replace('\r', " ")),
            Err(_) => Event::default().comment("not written"),
        }
    }

    async fn count(&self) -> Result<Arc<Figures>, Problem> {
        let token = self.viewer.token(&self.gateway)?;
        self.gateway.overviews().get(&self.gateway, &token, &self.chosen).await
    }

    async fn part(&self, figures: &Arc<Figures>) -> Result<String, Problem> {
        let live = live_of(&self.gateway, &self.frame, &self.chosen, figures).await;
        let frame = &self.frame;
        if self.wall {
            rendered(&WallPart { live })
        } else {
            rendered(&LivePart { frame, live, query: &self.chosen.query() })
        }
    }
}

#[cfg(test)]
mod tests {
    use api::analytics::v1::{ArrivalPoint, GetOverviewResponse, HotField, UnitFigures};

    use super::*;
    use crate::{language::Language, organisation::Organisation};

    #[test]
    fn what_is_streamed_is_escaped_and_needs_no_style() {
        let evil = "<script>alert('1')</script>";
        let figures = GetOverviewResponse {
            step_seconds: 3_600,
            arrivals: vec![ArrivalPoint { asked: 3, ..ArrivalPoint::default() }],
            units: vec![UnitFigures { unit: evil.into(), asked: 3, ..UnitFigures::default() }],
            fields: vec![HotField { field: evil.into(), asked: 3, series: vec![3], ..HotField::default() }],
            ..GetOverviewResponse::default()
        };
        let chosen = Chosen { days: 1, unit: evil.into(), field: String::new() };
        let frame = Frame::new(Language::Vietnamese, String::new(), None);
        let live = || Live::new(Language::Vietnamese, &Organisation::default(), &chosen, &figures, &[]);
        let part = LivePart { frame: &frame, live: live(), query: &chosen.query() }.render().unwrap();
        let wall = WallPart { live: live() }.render().unwrap();
        for html in [&part, &wall] {
            assert!(!html.contains("<script") && !html.contains("style="), "{html}");
            assert!(html.contains("data-live=\"heads\"") && html.contains("<svg"), "{html}");
        }
        // Only headline figures are announced.
        assert_eq!(part.matches("aria-live").count(), 1);
    }
}
