//! The leader's overview: figures that are links, charts with tables behind them, sheets, and a view for a wall.

pub(crate) mod chosen;
mod list;
pub(super) mod screen;
mod stream;
pub(super) mod table;
mod topics;
mod view;

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
};

use self::{
    chosen::{Chosen, HOME, PERIODS},
    view::Live,
};
pub(super) use self::{
    list::{list, list_sheet},
    stream::stream,
};
use super::{Frame, Page, page, segment, words};
use crate::{
    assets::LIVE_JS_URL, fields::Query, organisation::Choice, overviews::Figures, problem::Problem,
    session::SignedIn, state::Gateway,
};

/// What both the page and the wall begin with.
struct Opened {
    live: Live,
    query: String,
    counted: Counted,
    js: &'static str,
}

impl Opened {
    async fn new(gateway: &Gateway, frame: &Frame, token: &str, chosen: &Chosen) -> Result<Self, Problem> {
        let figures = gateway.overviews().get(gateway, token, chosen).await?;
        let counted = Counted::of(&figures);
        let live = live_of(gateway, frame, chosen, &figures).await;
        Ok(Self { live, query: chosen.query(), counted, js: &LIVE_JS_URL })
    }
}

/// When figures were counted: as a page has it, and as a machine does.
struct Counted {
    said: String,
    moment: String,
}

impl Counted {
    fn of(figures: &Figures) -> Self {
        Self { said: words::local_as(Some(&figures.as_of), "%H:%M:%S"), moment: moment(figures) }
    }
}

/// The script reads the time of day from it.
fn moment(figures: &Figures) -> String {
    words::local_as(Some(&figures.as_of), "%Y-%m-%dT%H:%M:%S%:z")
}

async fn live_of(gateway: &Gateway, frame: &Frame, chosen: &Chosen, figures: &Arc<Figures>) -> Live {
    Live::new(frame.language, &*gateway.organisation().await, chosen, &figures.counted, &figures.hot)
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    live: Live,
    query: String,
    counted: Counted,
    js: &'static str,
    periods: Vec<Period>,
    days: u32,
    unit: String,
    field: String,
    units: Vec<Choice>,
    fields: Vec<Choice>,
    here: String,
    wall_days: u32,
}

/// A choice of how far back to look.
struct Period {
    name: String,
    href: String,
    here: bool,
}

pub(super) async fn overview(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Query(query): Query,
    uri: Uri,
) -> Page {
    let chosen = Chosen::of(&query)?;
    let opened = Opened::new(&gateway, &frame, &caller.token, &chosen).await?;
    let organisation = gateway.organisation().await;
    let periods = PERIODS.map(|days| Period {
        name: match days {
            1 => frame.t("overview-today").into_owned(),
            days => frame.n("overview-days", days).into_owned(),
        },
        href: chosen.with_days(days),
        here: days == chosen.days,
    });
    let template = OverviewPage {
        live: opened.live,
        query: opened.query,
        counted: opened.counted,
        js: opened.js,
        periods: periods.into(),
        days: chosen.days,
        unit: chosen.unit,
        field: chosen.field,
        units: organisation.units(),
        fields: organisation.fields(),
        wall_days: gateway.config().wall_days,
        here: uri.path_and_query().map_or(HOME, |here| here.as_str()).to_owned(),
        frame,
    };
    page(StatusCode::OK, &template)
}

/// One of the tables as a sheet.
pub(super) async fn figures_sheet(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Query(query): Query,
) -> Result<Response, Problem> {
    let chosen = Chosen::of(&query)?;
    let Opened { live, .. } = Opened::new(&gateway, &frame, &caller.token, &chosen).await?;
    let wanted = query.text("bang");
    let section = live.section(&wanted).ok_or_else(|| Problem::invalid("TABLE_UNKNOWN"))?;
    Ok(section.table.sheet(&format!("tong-quan-{}", section.code)))
}
