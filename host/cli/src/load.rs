//! From a file to a plan: what `run`, `check` and every reload do alike.

use std::io::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tollgate_document::{Diagnostics, Document, Durable, StateSettings};
use tollgate_gateway::{Plan, PlanBuilder};
use tollgate_runtime::{
    CacheStore, Durability, EventLogSettings, EventStore, LimiterStore, MetricStore, QuotaStore, Runtime,
    RuntimeSettings, Services,
};

use crate::built_ins::BUILT_INS;
use crate::compile;

/// The largest configuration that is read; `document` refuses more than this too.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// A file's text.
pub(crate) fn read(file: &Path) -> anyhow::Result<String> {
    let facts = std::fs::metadata(file).with_context(|| format!("{} can't be read", file.display()))?;
    if facts.len() > MAX_FILE_BYTES {
        anyhow::bail!("{} has {} bytes; at most {MAX_FILE_BYTES} are read", file.display(), facts.len());
    }
    let bytes = std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
    String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", file.display()))
}

/// How many workers a document asks for: by default one per core.
pub(crate) fn workers(document: &Document) -> usize {
    document.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get))
}

/// Where state is kept: what the document says, or `tollgate-state` beside it.
pub(crate) fn state_directory(file: &Path, state: &StateSettings) -> PathBuf {
    match &state.directory {
        Some(directory) => directory.clone(),
        None => file.parent().unwrap_or(Path::new("")).join("tollgate-state"),
    }
}

/// Where machine code of components is kept: the user's cache folder, or the state directory.
pub(crate) fn compile_cache(state: &Path) -> PathBuf {
    cache_folder("components").unwrap_or_else(|| state.join("components"))
}

/// A folder of ours in the user's cache folder.
fn cache_folder(name: &str) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home).filter(|path| path.is_absolute())?;
    Some(cache.join("tollgate").join(name))
}

/// The state that workers share, quotas on disk.
pub(crate) fn services(state: &StateSettings, directory: &Path) -> anyhow::Result<Services> {
    std::fs::create_dir_all(directory)
        .with_context(|| format!("the state directory {} can't be made", directory.display()))?;
    let file = directory.join("quotas.redb");
    let durability = match state.durable {
        Durable::Batched => Durability::Batched(state.quota_flush),
        Durable::Strict => Durability::Strict(state.quota_flush),
    };
    let quotas = QuotaStore::open(&file, durability).with_context(|| {
        format!("{} can't be opened (does another gateway use this state directory?)", file.display())
    })?;
    Ok(services_with(state, quotas))
}

fn services_with(state: &StateSettings, quotas: QuotaStore) -> Services {
    let bytes = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Services {
        limiter: LimiterStore::new(bytes(state.limiter_bytes)),
        quotas,
        cache: CacheStore::new(state.cache_bytes, bytes(state.cache_entry_bytes)),
        metrics: MetricStore::default(),
        events: EventStore::default(),
    }
}

/// Open the event logs of a document. Files are made, so this is for a gateway that serves.
pub(crate) fn event_logs(document: &Document, services: &Services) -> anyhow::Result<()> {
    let wanted: Vec<EventLogSettings> = document
        .event_logs
        .iter()
        .map(|log| EventLogSettings { id: log.id.clone(), file: log.file.clone(), max_bytes: log.max_bytes })
        .collect();
    services.events.open(&wanted).map_err(|(log, error)| {
        anyhow::anyhow!("the event log `{}` ({}) can't be opened: {error}", log.id, log.file.display())
    })
}

/// A runtime that serves nobody: for `check` and `inspect`.
pub(crate) fn runtime_for_checking() -> anyhow::Result<Arc<Runtime>> {
    let services = services_with(&StateSettings::default(), QuotaStore::in_memory());
    let cache = compile_cache(&std::env::temp_dir());
    Ok(Arc::new(Runtime::new(RuntimeSettings {
        compile_cache: cache.is_absolute().then_some(cache),
        compiler: compile::compiler(),
        workers: 1,
        services: Arc::new(services),
    })?))
}

/// A builder that knows the built-in statements, and keeps what comes from registries beside the machine code.
pub(crate) fn builder(runtime: Arc<Runtime>) -> PlanBuilder {
    PlanBuilder::new(runtime, BUILT_INS, cache_folder("images"))
}

/// The names of the built-in statements.
pub(crate) fn built_in_names() -> Vec<&'static str> {
    BUILT_INS.iter().map(|built_in| built_in.name).collect()
}

/// Read a document and make its plan; everything that is wrong comes back at once.
pub(crate) fn plan(builder: &PlanBuilder, file: &Path, text: &str) -> Result<(Document, Plan), Diagnostics> {
    let (document, mut diagnostics) = builder.parse(file, text);
    let Some(document) = document else {
        return Err(diagnostics);
    };
    match builder.build(&document, &mut diagnostics) {
        Some(plan) => Ok((document, plan)),
        None => Err(diagnostics),
    }
}

/// Print every error with its place.
pub(crate) fn say(diagnostics: &Diagnostics) {
    // Nobody is left to tell if stderr is gone.
    let _ = write!(std::io::stderr(), "{diagnostics}");
}
