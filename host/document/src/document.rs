//! The typed document: what `tollgate.yaml` says, defaults filled in and references checked.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde_json::Value;
use tollgate_core::base_url::BaseUrl;
use tollgate_core::egress::Egress;
use tollgate_core::grants::Grants;
use tollgate_core::image::ImageReference;

use crate::backend::{Backend, OriginTls};
use crate::diagnostics::{Diagnostics, Mark};
use crate::fragment::{FragmentDefinition, NamedValue};
use crate::policy::PolicyDocument;
use crate::settings::{
    AccessLog, CacheSettings, EventLog, GatewayLimits, Otlp, Secret, StateSettings, Timeouts, TraceContext, Underscores,
};
use crate::tls::ListenTls;
use crate::{read, yaml};

/// Names that exist before the document is read.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The statements that are inside the binary. Example: `["check-header", "ip-filter"]`.
    pub built_ins: &'a [&'a str],
}

/// A whole `tollgate.yaml`.
#[derive(Clone, Debug)]
pub struct Document {
    /// Where clients are served in cleartext; none if `off`, which needs `tls`.
    pub listen: Vec<SocketAddr>,
    /// Where health and metrics are served; none if `off`.
    pub admin: Option<SocketAddr>,
    /// How many workers; none for one per core.
    pub workers: Option<usize>,
    /// Where clients are served within TLS.
    pub tls: Option<ListenTls>,
    /// Proxies whose `x-forwarded-*` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// What becomes of a request's header names with underscores.
    pub underscores: Underscores,
    /// Names of trailer fields that pass in both directions, lower-case.
    pub trailers: Vec<String>,
    /// What the gateway calls itself in `via`; none if `off`.
    pub via: Option<String>,
    /// Where access is logged.
    pub access_log: AccessLog,
    /// What is done about trace contexts.
    pub trace_context: TraceContext,
    /// `otlp`
    pub otlp: Option<Otlp>,
    /// What clients and origins may use up.
    pub limits: GatewayLimits,
    /// Where counters and cached values live.
    pub state: StateSettings,
    /// In the order of the file; names are unique.
    pub named_values: Vec<NamedValue>,
    /// In the order of the file; ids are unique.
    pub fragments: Vec<FragmentDefinition>,
    /// The entries of fragments that no scope includes, in its inbound section. They never run; whoever looks for
    /// mistakes looks at them too.
    pub unused_fragments: PolicyDocument,
    /// The global scope.
    pub policies: PolicyDocument,
    /// In the order of the file; ids and paths are unique.
    pub apis: Vec<Api>,
    /// In the order of the file; ids are unique.
    pub products: Vec<Product>,
    /// In the order of the file; ids and keys are unique.
    pub subscriptions: Vec<Subscription>,
    /// Custom statements, in the order of the file; names are unique and no built-in's.
    pub components: Vec<Component>,
    /// Origins that APIs and statements refer to, in the order of the file; ids are unique.
    pub backends: Vec<Backend>,
    /// What built-in statements may call.
    pub egress: Egress,
    /// In the order of the file; ids and files are unique.
    pub event_logs: Vec<EventLog>,
    /// JSON Schemas by name, as they were written or read from their files. Whether each is a schema isn't checked.
    pub schemas: BTreeMap<String, Value>,
}

impl Document {
    /// Read the text of `file`, with `env` for `${env:NAME}`.
    ///
    /// There is a document if the text is YAML at all. It is good only if the diagnostics are empty. Otherwise it
    /// holds whatever could be read, with defaults and [placeholders](PLACEHOLDER_ID) for what couldn't: enough to
    /// look for further errors, never to be served.
    pub fn parse(
        file: &Path,
        text: &str,
        known: &Known<'_>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> (Option<Document>, Diagnostics) {
        let mut diagnostics = Diagnostics::new(file);
        let document = yaml::parse(text, env, &mut diagnostics).map(|root| {
            let folder = file.parent().unwrap_or(Path::new(""));
            read::document(&root, folder, known, env, &mut diagnostics)
        });
        (document, diagnostics)
    }

    /// The API with this id.
    pub fn api(&self, id: &str) -> Option<&Api> {
        self.apis.iter().find(|api| api.id == id)
    }

    /// The backend with this id.
    pub fn backend(&self, id: &str) -> Option<&Backend> {
        self.backends.iter().find(|backend| backend.id == id)
    }

    /// The product with this id.
    pub fn product(&self, id: &str) -> Option<&Product> {
        self.products.iter().find(|product| product.id == id)
    }

    /// Every policy document: the global one, then products, APIs and their operations.
    pub fn policy_documents(&self) -> impl Iterator<Item = &PolicyDocument> {
        let products = self.products.iter().map(|product| &product.policies);
        let apis = self.apis.iter().flat_map(|api| {
            std::iter::once(&api.policies).chain(api.operations.iter().map(|operation| &operation.policies))
        });
        std::iter::once(&self.policies).chain(products).chain(apis)
    }
}

/// Stands for an id that is missing or malformed in a document with errors.
pub const PLACEHOLDER_ID: &str = "?";

/// An API: a public path and the origin behind it.
#[derive(Clone, Debug)]
pub struct Api {
    /// Example: `orders`.
    pub id: String,
    /// The public path, normalised and without a slash at either end; empty for the root. Example: `shop/orders`.
    pub path: String,
    /// Where requests go. If the document refers to one of `backends`, that one's origin, the first if it has several.
    pub backend: BaseUrl,
    /// How the origin is trusted. If the document refers to one of `backends`, as that one says.
    pub tls: OriginTls,
    /// The id of the backend that it refers to.
    pub backend_id: Option<String>,
    /// Is a key asked for, outside open products?
    pub subscription_required: bool,
    /// Where the key is looked for.
    pub subscription_key_names: SubscriptionKeyNames,
    /// Its own time-outs, the gateway's filled in.
    pub timeouts: Timeouts,
    /// How its responses are cached; none for not at all.
    pub cache: Option<CacheSettings>,
    /// Protocols that its connections may be upgraded to, in lower case; never `h2c`.
    pub upgrades: Vec<String>,
    /// The API scope.
    pub policies: PolicyDocument,
    /// In the order of the file. None: every method and path passes.
    pub operations: Vec<Operation>,
    /// Where it begins in the file.
    pub mark: Mark,
}

/// `subscription-key-parameter-names`: where clients put their key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionKeyNames {
    /// As it is written in the `WWW-Authenticate` header; matched without regard to case.
    pub header: String,
    /// Looked at only if the header isn't there.
    pub query: String,
}

impl Default for SubscriptionKeyNames {
    fn default() -> SubscriptionKeyNames {
        SubscriptionKeyNames { header: "Ocp-Apim-Subscription-Key".into(), query: "subscription-key".into() }
    }
}

/// An operation: a method and a URL template below the API's path.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Unique in its API. Example: `get`.
    pub id: String,
    /// Upper case; none for `*`, every method.
    pub method: Option<String>,
    /// What is matched.
    pub template: Template,
    /// What it takes and gives, as `context.operation-definition` shows it. Always an object with `id`, `method` and
    /// `url`; `parameters`, `request` and `responses` as far as they were written, schemas put in for their names.
    pub definition: Value,
    /// How its responses are cached, what it doesn't say filled in from the API; none for not at all.
    pub cache: Option<CacheSettings>,
    /// The operation scope.
    pub policies: PolicyDocument,
    /// Where it begins in the file.
    pub mark: Mark,
}

/// A checked URL template, such as `/{orderId}/lines/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// As written. Literals are normalised as request paths are.
    pub text: String,
    /// What stands between the slashes; never empty, for `/` has one empty literal.
    pub segments: Vec<Segment>,
    /// True for `/*` at the end, which isn't among the segments: every rest matches, an empty one too.
    pub wildcard: bool,
}

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text.
    Literal(String),
    /// One parameter of at least one character, with literal text around it (mostly none).
    Parameter {
        /// The text before it.
        prefix: String,
        /// Its name, unique in the template.
        name: String,
        /// The text behind it.
        suffix: String,
    },
}

impl Template {
    /// The template without the names of its parameters: two templates of one shape match the same paths.
    pub fn shape(&self) -> String {
        let mut shape = String::with_capacity(self.text.len());
        for segment in &self.segments {
            shape.push('/');
            match segment {
                Segment::Literal(text) => shape.push_str(text),
                Segment::Parameter { prefix, suffix, .. } => {
                    shape.push_str(prefix);
                    shape.push_str("{}");
                    shape.push_str(suffix);
                }
            }
        }
        if self.wildcard {
            shape.push_str("/*");
        }
        shape
    }
}

/// A product: APIs that are subscribed to together.
#[derive(Clone, Debug)]
pub struct Product {
    /// Example: `starter`.
    pub id: String,
    /// The ids of its APIs, which exist.
    pub apis: Vec<String>,
    /// False for an open product: its APIs need no key. An API is in at most one open product.
    pub subscription_required: bool,
    /// Whether the portal shows it. Without effect on admission.
    pub state: ProductState,
    /// The product scope.
    pub policies: PolicyDocument,
    /// Where it begins in the file.
    pub mark: Mark,
}

/// `state` of a product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProductState {
    /// `not-published`: the portal hides it; keys stay valid.
    #[default]
    NotPublished,
    /// `published`
    Published,
}

/// A subscription: keys, and what they open.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Example: `acme`.
    pub id: String,
    /// The id of the user whose it is.
    pub owner: Option<String>,
    /// What its keys open.
    pub scope: SubscriptionScope,
    /// One or both keys are there.
    pub primary_key: Option<Secret>,
    /// See `primary_key`.
    pub secondary_key: Option<Secret>,
    /// Only an active subscription admits anybody.
    pub state: SubscriptionState,
    /// When it began: the anchor of its quota periods.
    pub start_date: Timestamp,
    /// From when on it is expired.
    pub expiration_date: Option<Timestamp>,
    /// Where it begins in the file.
    pub mark: Mark,
}

impl Subscription {
    /// Its keys, one or two.
    pub fn keys(&self) -> impl Iterator<Item = &Secret> {
        self.primary_key.iter().chain(&self.secondary_key)
    }
}

/// What a subscription's keys open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriptionScope {
    /// `product`: the APIs of this product, in its context.
    Product(String),
    /// `api`: this API.
    Api(String),
    /// `all-apis: true`
    AllApis,
}

/// `state` of a subscription (`apim.md` §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubscriptionState {
    /// `submitted`: waits for approval.
    Submitted,
    /// `active`
    #[default]
    Active,
    /// `rejected`: was not approved.
    Rejected,
    /// `suspended`: by an administrator, for now.
    Suspended,
    /// `cancelled`: by its owner or an administrator.
    Cancelled,
    /// `expired`
    Expired,
}

/// A moment, in seconds since 1970-01-01T00:00:00Z. Fractions of a second are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// A custom statement.
#[derive(Clone, Debug)]
pub struct Component {
    /// What statements call it. Example: `add-tenant`.
    pub name: String,
    /// Where it is.
    pub file: ComponentFile,
    /// What the file's bytes must hash to.
    pub digest: Option<Sha256>,
    /// Who must have signed it.
    pub signature: Option<ComponentSignature>,
    /// What it may import.
    pub grants: Grants,
    /// What it may call: the list below its grant `http`.
    pub egress: Egress,
    /// What it may read: the list below its grant `files`. Paths that components know are unique.
    pub directories: Vec<GrantedDirectory>,
    /// Where its name is in the file.
    pub mark: Mark,
    /// Where its `file` is in the file.
    pub file_mark: Mark,
    /// Where its `digest` is in the file, or else its name.
    pub digest_mark: Mark,
}

/// A directory that a component may read. Whether it is there isn't checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedDirectory {
    /// Joined to the document's folder.
    pub directory: PathBuf,
    /// The absolute path under which the component finds it. Example: `/data`.
    pub at: String,
    /// Where `directory` is in the file.
    pub mark: Mark,
}

/// Where a component is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComponentFile {
    /// In a file; joined to the document's folder.
    Path(PathBuf),
    /// In a registry, at a digest.
    Image(ImageReference),
}

impl fmt::Display for ComponentFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ComponentFile::Path(path) => path.display().fmt(f),
            ComponentFile::Image(image) => image.fmt(f),
        }
    }
}

/// A detached Ed25519 signature (RFC 8032) of a component's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentSignature {
    /// Holds the 64 bytes of the signature. Joined to the document's folder.
    pub file: PathBuf,
    /// The public key.
    pub key: [u8; 32],
    /// Where `signature` is in the file.
    pub mark: Mark,
}

/// A SHA-256 digest, written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sha256(pub [u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
