//! The leader's figures: counted once for all who look at the same, and how many may look on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use api::{
    Timestamp,
    analytics::v1::{GetOverviewRequest, GetOverviewResponse},
    knowledge::v1::{HotPassage, ListHotRequest},
};
use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{config::Config, pages::Chosen, problem::Problem, state::Gateway};

/// Different choices that are kept; past it all are counted anew.
const KEPT_MAX: usize = 256;

/// Answers that are asked for and shown.
const HOT_LOOKED_AT: u32 = 100;
const HOT_SHOWN: usize = 20;

/// What was counted, and when; `counted` is without the moment, so that equal figures are equal.
#[derive(Default)]
pub(crate) struct Figures {
    pub as_of: Timestamp,
    pub counted: GetOverviewResponse,
    /// What was asked most, of the chosen field and unit.
    pub hot: Vec<HotPassage>,
}

impl Figures {
    pub fn same(&self, other: &Self) -> bool {
        self.counted == other.counted && self.hot == other.hot
    }
}

type Kept = Arc<tokio::sync::Mutex<Option<(Instant, Arc<Figures>)>>>;

pub(crate) struct Overviews {
    kept: Mutex<HashMap<Chosen, Kept>>,
    places: Arc<Semaphore>,
    readers: Arc<Mutex<HashMap<String, u32>>>,
    reader_max: u32,
}

impl Overviews {
    pub fn new(config: &Config) -> Self {
        Self {
            kept: Mutex::default(),
            places: Arc::new(Semaphore::new(config.streams_max)),
            readers: Arc::default(),
            reader_max: config.streams_per_client_max,
        }
    }

    /// At most as old as readers are told of changes. Whoever is signed in may see all of them.
    pub async fn get(
        &self,
        gateway: &Gateway,
        token: &str,
        chosen: &Chosen,
    ) -> Result<Arc<Figures>, Problem> {
        let kept = {
            let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if all.len() >= KEPT_MAX && !all.contains_key(chosen) {
                all.clear();
            }
            all.entry(chosen.clone()).or_default().clone()
        };
        // Held over the call, so that a crowd of readers makes one call.
        let mut kept = kept.lock().await;
        if let Some((at, figures)) = &*kept
            && at.elapsed() < gateway.config().overview_refresh()
        {
            return Ok(figures.clone());
        }
        let Chosen { days, unit, field } = chosen.clone();
        let request = gateway.ask(GetOverviewRequest { days, unit, field });
        let mut counted = gateway.overview(Some(token)).get_overview(request).await?.into_inner();
        let as_of = counted.as_of.take().unwrap_or_default();
        let figures = Arc::new(Figures { as_of, counted, hot: hot(gateway, chosen).await });
        *kept = Some((Instant::now(), figures.clone()));
        Ok(figures)
    }

    /// A place for one more stream of this reader.
    pub fn enter(&self, reader: &str) -> Result<Place, Problem> {
        let many = || Problem::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_STREAMS");
        let permit = self.places.clone().try_acquire_owned().map_err(|_| many())?;
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = readers.entry(reader.to_owned()).or_default();
        if *streams >= self.reader_max {
            return Err(many());
        }
        *streams += 1;
        Ok(Place { readers: self.readers.clone(), reader: reader.to_owned(), _permit: permit })
    }
}

/// Knowledge has these: while it is away all else is shown without them.
async fn hot(gateway: &Gateway, chosen: &Chosen) -> Vec<HotPassage> {
    let request = gateway.ask(ListHotRequest { limit: HOT_LOOKED_AT, days: chosen.days });
    let found = match gateway.knowledge(None).list_hot(request).await {
        Ok(found) => found.into_inner().passages,
        Err(status) => {
            tracing::warn!(code = ?status.code(), "the overview is without what was asked most");
            return Vec::new();
        }
    };
    let wanted = |hot: &HotPassage| {
        let fits = |wanted: &str, has: &str| wanted.is_empty() || wanted == has;
        hot.passage.as_ref().is_some_and(|of| fits(&chosen.field, &of.field) && fits(&chosen.unit, &of.unit))
    };
    found.into_iter().filter(wanted).take(HOT_SHOWN).collect()
}

/// Held while a stream is open.
pub(crate) struct Place {
    readers: Arc<Mutex<HashMap<String, u32>>>,
    reader: String,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(streams) = readers.get_mut(&self.reader) {
            *streams -= 1;
            if *streams == 0 {
                readers.remove(&self.reader);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_bounded_for_each_reader_and_in_all() {
        let config = Config { streams_max: 3, streams_per_client_max: 2, ..Config::default() };
        let overviews = Overviews::new(&config);
        let first = overviews.enter("a").unwrap();
        let _second = overviews.enter("a").unwrap();
        assert_eq!(overviews.enter("a").err().unwrap().reason, "TOO_MANY_STREAMS");
        let _third = overviews.enter("b").unwrap();
        assert!(overviews.enter("c").is_err(), "all places are taken");
        drop(first);
        assert!(overviews.enter("a").is_ok());
    }
}
