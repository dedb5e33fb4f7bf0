//! The embedding model: one worker thread owns it and embeds together what waits.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
};

use fastembed::{
    InitOptionsUserDefined, Pooling, QuantizationMode, TextEmbedding, TokenizerFiles,
    UserDefinedEmbeddingModel,
};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::text;

/// Numbers in one embedding.
pub const DIMENSIONS: usize = 384;

/// The model was trained to compare questions that begin so.
const PREFIX: &str = "query: ";

/// Written in a text, the tokenizer would take these for its own marks.
const SPECIAL: [&str; 5] = ["<s>", "</s>", "<mask>", "<pad>", "<unk>"];

/// What can go wrong with the model.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("knowledge.{0} is not set; run `make parts`, or name the part in the configuration")]
    NotSet(&'static str),
    #[error("cannot read {path}; run `make parts`")]
    Read { path: PathBuf, source: Arc<std::io::Error> },
    #[error("cannot load ONNX Runtime from {path}; run `make parts`")]
    Runtime { path: PathBuf, source: Arc<dyn std::error::Error + Send + Sync> },
    #[error("the embedding model failed")]
    Model(#[from] Arc<fastembed::Error>),
    #[error("the embedding model gave {0} numbers or one that is not finite")]
    Malformed(usize),
    #[error("too many texts wait to be embedded")]
    Busy,
    #[error("the embedding worker has stopped")]
    Stopped,
}

/// Where the model is and how it may be used.
#[derive(Debug, Clone)]
pub struct Options {
    /// Holds `model.onnx`, `tokenizer.json` and the small files beside it.
    pub model_dir: PathBuf,
    /// `libonnxruntime.so`, 1.24 or newer.
    pub onnxruntime: PathBuf,
    /// Threads of one inference, at least 1.
    pub threads: usize,
    /// Requests that may wait, at least 1; one more is refused.
    pub queue_max: usize,
    /// Texts embedded together, at least 1.
    pub batch_max: usize,
}

/// Texts → unit vectors of [`DIMENSIONS`] numbers.
pub struct Embedder {
    jobs: SyncSender<Job>,
    model: String,
    id: String,
    stopped: CancellationToken,
}

struct Job {
    texts: Vec<String>,
    reply: oneshot::Sender<Result<Vec<Vec<f32>>, Error>>,
}

impl Embedder {
    /// Loads the model: some seconds, some 500 MB.
    pub fn open(options: &Options) -> Result<Self, Error> {
        for (path, key) in [(&options.model_dir, "model_dir"), (&options.onnxruntime, "onnxruntime")] {
            if path.as_os_str().is_empty() {
                return Err(Error::NotSet(key));
            }
        }
        let model = load(options)?;
        let name = options.model_dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let runtime = runtime_version(&options.onnxruntime);
        let id = format!("{name}/ort-{runtime}/text-{}", text::REVISION);
        let (jobs, waiting) = sync_channel(options.queue_max.max(1));
        let batch_max = options.batch_max.max(1);
        let stopped = CancellationToken::new();
        let alive = stopped.clone().drop_guard();
        std::thread::Builder::new()
            .name("embedder".to_owned())
            .spawn(move || {
                let _alive = alive; // dropped however the work ends
                work(model, &waiting, batch_max);
            })
            .map_err(|source| Error::Read { path: "thread".into(), source: Arc::new(source) })?;
        Ok(Self { jobs, model: name, id, stopped })
    }

    /// The model's name, as calibrations name it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The model, what runs it and how texts are read: vectors of different ids must not meet in one
    /// index.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Cancelled when the worker has ended: no text will be embedded any more.
    pub fn stopped(&self) -> CancellationToken {
        self.stopped.clone()
    }

    /// One vector per text. Refuses ([`Error::Busy`]) rather than wait behind a full queue.
    #[tracing::instrument(skip_all, fields(texts = texts.len()))]
    pub async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, Error> {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(Job { texts, reply }).map_err(|error| match error {
            TrySendError::Full(_) => Error::Busy,
            TrySendError::Disconnected(_) => Error::Stopped,
        })?;
        answer.await.map_err(|_| Error::Stopped)?
    }
}

/// ONNX Runtime allows one environment per process: the first library named stays.
static ENVIRONMENT: Mutex<Option<ort::environment::Environment>> = Mutex::new(None);

fn load(options: &Options) -> Result<TextEmbedding, Error> {
    let read = |name: &str| {
        let path = options.model_dir.join(name);
        std::fs::read(&path).map_err(|source| Error::Read { path, source: Arc::new(source) })
    };
    let model = UserDefinedEmbeddingModel::new(
        read("model.onnx")?,
        TokenizerFiles {
            tokenizer_file: read("tokenizer.json")?,
            config_file: read("config.json")?,
            special_tokens_map_file: read("special_tokens_map.json")?,
            tokenizer_config_file: read("tokenizer_config.json")?,
        },
    )
    .with_pooling(Pooling::Mean)
    .with_quantization(QuantizationMode::None);
    let settings = InitOptionsUserDefined::new()
        .with_environment(environment(&options.onnxruntime)?)
        .with_intra_threads(options.threads.max(1))
        // Idle threads that spin would take the CPU from the database beside us.
        .with_session_config("session.intra_op.allow_spinning", "0");
    TextEmbedding::try_new_from_user_defined(model, settings).map_err(|error| Error::Model(Arc::new(error)))
}

fn environment(library: &Path) -> Result<ort::environment::Environment, Error> {
    let failed = |source: Arc<dyn std::error::Error + Send + Sync>| Error::Runtime {
        path: library.to_owned(),
        source,
    };
    let mut environment = ENVIRONMENT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(environment) = &*environment {
        return Ok(environment.clone());
    }
    let builder = ort::init_from(library).map_err(|error| failed(Arc::new(error)))?;
    let built = builder.with_telemetry(false).build().map_err(|error| failed(Arc::new(error)))?;
    Ok(environment.insert(built).clone())
}

/// The version in the library's file name, behind links.
fn runtime_version(library: &Path) -> String {
    let real = library.canonicalize().unwrap_or_else(|_| library.to_owned());
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.split_once(".so.").map_or_else(|| "unversioned".to_owned(), |(_, version)| version.to_owned())
}

fn work(mut model: TextEmbedding, waiting: &Receiver<Job>, batch_max: usize) {
    while let Ok(first) = waiting.recv() {
        let mut jobs = vec![first];
        let mut texts = jobs[0].texts.len();
        while texts < batch_max
            && let Ok(next) = waiting.try_recv()
        {
            texts += next.texts.len();
            jobs.push(next);
        }
        metrics::histogram!("motcua_embedding_batch_texts").record(u32::try_from(texts).unwrap_or(u32::MAX));
        let inputs: Vec<String> = jobs.iter().flat_map(|job| &job.texts).map(|text| input(text)).collect();
        let embedded = model.embed(&inputs, Some(batch_max)).map_err(|error| Error::Model(Arc::new(error)));
        match embedded.and_then(checked) {
            Ok(vectors) => {
                let mut vectors = vectors.into_iter();
                for job in jobs {
                    let own = vectors.by_ref().take(job.texts.len()).collect();
                    let _ = job.reply.send(Ok(own)); // the asker may have gone
                }
            }
            Err(error) => jobs.into_iter().for_each(|job| {
                let _ = job.reply.send(Err(error.clone()));
            }),
        }
    }
}

fn checked(vectors: Vec<Vec<f32>>) -> Result<Vec<Vec<f32>>, Error> {
    let bad = vectors.iter().find(|v| v.len() != DIMENSIONS || v.iter().any(|x| !x.is_finite()));
    bad.map_or(Ok(()), |bad| Err(Error::Malformed(bad.len())))?;
    Ok(vectors)
}

fn input(text: &str) -> String {
    let mut input = format!("{PREFIX}{text}");
    for special in SPECIAL {
        if input.contains(special) {
            input = input.replace(special, &format!("< {} >", special.trim_matches(['<', '>'])));
        }
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokenizers_marks_are_taken_for_text() {
        assert_eq!(input("a <mask> b </s><s>"), "query: a < mask > b < /s >< s >");
        assert!(!SPECIAL.iter().any(|special| input("<<s>s>").contains(special)));
    }

    #[test]
    fn a_part_that_is_not_named_or_not_there_is_said_clearly() {
        let options = |dir: &str| Options {
            model_dir: dir.into(),
            onnxruntime: "nowhere.so".into(),
            threads: 1,
            queue_max: 1,
            batch_max: 1,
        };
        let refused = |dir: &str| Embedder::open(&options(dir)).err().map(|error| error.to_string()).unwrap();
        assert!(refused("").contains("knowledge.model_dir is not set"));
        assert!(refused("nowhere").contains("cannot read nowhere/model.onnx"));
    }
}
