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

use crate::{
    text,
    words::{WORDS_MAX, WordVectors},
};

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
    #[error("the model's tokenizer failed")]
    Tokenizer(#[source] Arc<dyn std::error::Error + Send + Sync>),
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

/// A text in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// A unit vector of [`DIMENSIONS`] numbers.
    pub dense: Vec<f32>,
    pub words: WordVectors,
}

/// Texts → vectors.
pub struct Embedder {
    jobs: SyncSender<Job>,
    model: String,
    id: String,
    stopped: CancellationToken,
}

struct Job {
    texts: Vec<String>,
    reply: oneshot::Sender<Result<Vec<Embedded>, Error>>,
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

    /// Each text in numbers. Refuses ([`Error::Busy`]) rather than wait behind a full queue.
    #[tracing::instrument(skip_all, fields(texts = texts.len()))]
    pub async fn embed(&self, texts: Vec<String>) -> Result<Vec<Embedded>, Error> {
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
        let embedded: Result<Vec<Embedded>, Error> = inputs
            .chunks(batch_max)
            .map(|batch| run(&mut model, batch))
            .collect::<Result<Vec<_>, _>>()
            .map(|batches| batches.concat());
        match embedded {
            Ok(all) => {
                let mut all = all.into_iter();
                for job in jobs {
                    let own = all.by_ref().take(job.texts.len()).collect();
                    let _ = job.reply.send(Ok(own)); // the asker may have gone
                }
            }
            Err(error) => jobs.into_iter().for_each(|job| {
                let _ = job.reply.send(Err(error.clone()));
            }),
        }
    }
}

/// One inference: the pooled vector, and the tokens' own.
fn run(model: &mut TextEmbedding, inputs: &[String]) -> Result<Vec<Embedded>, Error> {
    let failed = |error| Error::Model(Arc::new(error));
    let output = model.transform(inputs, Some(inputs.len())).map_err(failed)?.into_raw();
    let output = output.first().ok_or(Error::Malformed(0))?;
    let precedence = &fastembed::OutputKey::OnlyOne;
    let pooled = output.select_and_pool_output(&precedence, Some(Pooling::Mean)).map_err(failed)?;
    let tokens = output.select_output(&precedence).map_err(failed)?;
    // Text by text, token by token, number by number.
    let flat = tokens.as_slice().ok_or(Error::Malformed(0))?;
    let per_text = flat.len() / inputs.len().max(1);
    let mut embedded = Vec::with_capacity(inputs.len());
    for (row, input) in inputs.iter().enumerate() {
        let encoding =
            model.tokenizer.encode(input.as_str(), true).map_err(|error| Error::Tokenizer(error.into()))?;
        let own = &flat[row * per_text..(row + 1) * per_text];
        let words = of_words(input, encoding.get_offsets(), own);
        let dense = checked(unit(pooled.row(row).to_vec()))?;
        embedded.push(Embedded { dense, words: WordVectors::new(words) });
    }
    Ok(embedded)
}

/// Each word's vector, in the direction of its tokens' mean, one after the other. A word without a token of its
/// own ends the list.
fn of_words(input: &str, offsets: &[(usize, usize)], tokens: &[f32]) -> Vec<f32> {
    let mut words = Vec::new();
    let text = &input[PREFIX.len()..];
    for word in text::syllables(text).take(WORDS_MAX) {
        let start = PREFIX.len() + text::place(text, word);
        let within = |(from, to): &(usize, usize)| *from < start + word.len() && *to > start;
        let mut own =
            offsets.iter().zip(tokens.chunks_exact(DIMENSIONS)).filter(|(span, _)| within(span)).peekable();
        if own.peek().is_none() {
            break;
        }
        let mut sum = [0.0; DIMENSIONS];
        own.for_each(|(_, vector)| sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x));
        words.extend(sum);
    }
    words
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    for x in &mut vector {
        *x /= length;
    }
    vector
}

fn checked(vector: Vec<f32>) -> Result<Vec<f32>, Error> {
    let fine = vector.len() == DIMENSIONS && vector.iter().all(|x| x.is_finite());
    if fine { Ok(vector) } else { Err(Error::Malformed(vector.len())) }
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
