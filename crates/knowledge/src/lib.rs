//! Knowledge: published answers → passages; embeddings, vector index, search, the reuse verdict.
//!
//! PostgreSQL is the truth. A passage is stored first and indexed by a background task, which says
//! how far behind it is; the index can be thrown away and built again without embedding anything.

mod alike;
mod asks;
pub mod backtest;
pub mod calibrate;
pub mod calibration;
mod catalogue;
pub mod comparer;
mod editing;
mod edits;
pub mod embed;
mod events;
mod grpc;
mod hot;
pub mod index;
mod indexer;
pub mod learned;
pub mod lexical;
mod library;
mod life;
pub mod matching;
mod matrix;
mod open_question;
pub mod owner;
mod owners;
pub mod pair;
mod passage;
pub mod pooling;
mod rarity;
mod restore;
pub mod reuse;
mod reversal;
mod service;
pub mod slots;
mod storage;
pub mod text;
pub mod trees;
mod upkeep;
mod vocabulary;
mod words;

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use api::knowledge::v1::{
    editing_service_server::EditingServiceServer, knowledge_service_server::KnowledgeServiceServer,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::{
    calibration::Calibration,
    embed::Embedder,
    index::{EdgeIndex, QdrantIndex, VectorIndex},
    matching::Matcher,
    open_question::OpenQuestions,
    owners::Owners,
    service::Knowledge,
};

/// The schema this crate owns.
pub const SCHEMA: &str = "knowledge";

/// Makes the tables of [`SCHEMA`].
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// Where the model and the index are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// A Qdrant cluster's gRPC address; none: the embedded engine, in `index_dir`.
    pub index_url: Option<String>,
    /// Where the embedded index lives; one process at a time.
    pub index_dir: PathBuf,
    /// The embedding model's folder.
    pub model_dir: PathBuf,
    /// `libonnxruntime.so`, 1.24 or newer.
    pub onnxruntime: PathBuf,
    /// Threads of one inference.
    pub threads: usize,
    /// Requests that may wait for the model; one more is refused.
    pub queue_max: usize,
    /// Texts that are embedded together.
    pub batch_max: usize,
    /// A calibration of this site's own, made with the back-test.
    pub calibration: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            index_url: None,
            index_dir: PathBuf::new(),
            model_dir: PathBuf::new(),
            onnxruntime: PathBuf::new(),
            threads: 2,
            queue_max: 256,
            batch_max: 16,
            calibration: None,
        }
    }
}

impl Config {
    /// Loads the model. Blocks for some seconds.
    pub fn open_embedder(&self) -> Result<Embedder, embed::Error> {
        Embedder::open(&embed::Options {
            model_dir: self.model_dir.clone(),
            onnxruntime: self.onnxruntime.clone(),
            threads: self.threads,
            queue_max: self.queue_max,
            batch_max: self.batch_max,
        })
    }

    fn open_index(&self, collection: String) -> anyhow::Result<Arc<dyn VectorIndex>> {
        if let Some(url) = &self.index_url {
            return Ok(Arc::new(QdrantIndex::open(url, collection).context("knowledge.index_url")?));
        }
        anyhow::ensure!(!self.index_dir.as_os_str().is_empty(), "knowledge.index_dir is not set");
        Ok(Arc::new(EdgeIndex::open(&self.index_dir.join(collection)).context("knowledge.index_dir")?))
    }

    fn open(&self) -> anyhow::Result<(Matcher, OpenQuestions)> {
        let embedder = self.open_embedder()?;
        let calibration = Calibration::load(self.calibration.as_deref(), embedder.model())?;
        let collection = index::collection(embedder.id());
        let open = OpenQuestions::new(self.open_index(format!("{collection}-open"))?);
        let matcher = Matcher {
            index: self.open_index(collection)?,
            embedder: Arc::new(embedder),
            calibration: Arc::new(calibration),
            vocabulary: Arc::default(),
        };
        Ok((matcher, open))
    }
}

/// The door: every RPC served, every event heard, every task run.
pub async fn role(ctx: &runtime::Context, config: Config) -> anyhow::Result<runtime::Role> {
    let (matcher, open) = tokio::task::spawn_blocking(move || config.open()).await??;
    let knowledge = Knowledge {
        pool: ctx.pool.clone(),
        clock: ctx.clock.clone(),
        matcher,
        wake: Arc::new(Notify::new()),
        upkeep: Arc::new(Notify::new()),
        outside_graph: Arc::default(),
        open: Arc::new(open),
        owners: Arc::new(Owners::default()),
    };
    let (stopped, shutdown) = (knowledge.matcher.embedder.stopped(), ctx.shutdown.clone());
    Ok(runtime::Role::named("knowledge")
        .serves(KnowledgeServiceServer::new(knowledge.clone()))
        .serves(EditingServiceServer::new(knowledge.clone()))
        .hears(knowledge.hearer(|knowledge, event| async move { knowledge.on_answer_approved(event).await }))
        .hears(knowledge.hearer(|knowledge, event| async move { knowledge.on_question_routed(event).await }))
        .hears(
            knowledge.hearer(|knowledge, event| async move { knowledge.on_question_withdrawn(event).await }),
        )
        .hears(knowledge.hearer(|knowledge, event| async move { knowledge.on_family_joined(event).await }))
        .hears(knowledge.hearer(|knowledge, event| async move { knowledge.on_family_left(event).await }))
        .runs("embedder", async move {
            // A process without its model is of no use: it ends, and is started again.
            let ended = shutdown.run_until_cancelled(stopped.cancelled()).await;
            anyhow::ensure!(ended.is_none(), embed::Error::Stopped);
            Ok(())
        })
        .runs("upkeep", knowledge.clone().run_upkeep(ctx.shutdown.clone()))
        .runs("owners", knowledge.clone().run_owners(ctx.shutdown.clone()))
        .runs("indexer", knowledge.run_indexer(ctx.shutdown.clone())))
}

impl Knowledge {
    fn hearer<E, F, Fut>(&self, on: F) -> bus::Hearer
    where
        E: api::Event,
        F: Fn(Self, bus::Received<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), bus::Failure>> + Send + 'static,
    {
        let knowledge = self.clone();
        bus::hearer("knowledge", move |received| on(knowledge.clone(), received))
    }
}
