//! Another binary for a running gateway: `tollgate run --takeover` gets the listening sockets from the gateway that runs
//! with the same state directory, over a socket there, and with them the connections that nobody has accepted yet.
//!
//! The successor checks its document first. Then it knocks, and the one that went before stops accepting, lets go of the
//! quotas' file and hands its sockets over; connections that come meanwhile wait in them. When the successor serves, it says
//! so, and the other one drains. If it ends without a word, the other one goes on as if nothing had been.

use std::fs::Permissions;
use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_seqpacket::ancillary::{AncillaryMessageWriter, OwnedAncillaryMessage};
use tokio_seqpacket::{UCred, UnixSeqpacket, UnixSeqpacketListener};
use tollgate_document::Diagnostics;
use tollgate_gateway::Gateway;
use tollgate_gateway::listen::Inherited;

use crate::load;

/// What a successor says first. Another version of this protocol gets another number.
const KNOCK: &[u8] = b"tollgate takeover 1";

/// What is said when all sockets were handed over, and when the successor serves.
const END: &[u8] = b"end";
const SERVING: &[u8] = b"serving";

/// What the one that went before answers to that.
const DRAINING: &[u8] = b"draining";

/// How long either side waits for a word of the other.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a successor may take until it serves: reading a document of many thousand statements takes seconds.
const START_TIME: Duration = Duration::from_secs(60);

/// Sockets that are taken: more than addresses times workers of any gateway.
const MAX_SOCKETS: usize = 65_536;

/// Where a successor knocks.
pub(crate) struct Door {
    path: PathBuf,
}

impl Door {
    /// The door of the gateway with this state directory.
    pub(crate) fn at(directory: &Path) -> Door {
        Door { path: directory.join("takeover.sock") }
    }

    /// Wait for knocks from now on. None, with a line in the log, if that can't be: nobody can take over then.
    pub(crate) fn open(&mut self) -> Option<UnixSeqpacketListener> {
        // Whoever had this state directory is gone or was succeeded: the quotas' file is ours.
        let _ = std::fs::remove_file(&self.path);
        let opened = UnixSeqpacketListener::bind(&self.path)
            .and_then(|door| std::fs::set_permissions(&self.path, Permissions::from_mode(0o600)).map(|()| door));
        let path = self.path.display();
        opened.inspect_err(|error| tracing::warn!(%path, %error, "no other process can take over from this one")).ok()
    }
}

/// A knock.
pub(crate) async fn knock(door: &mut Option<UnixSeqpacketListener>) -> Option<UnixSeqpacket> {
    match door {
        Some(door) => match door.accept().await {
            Ok(successor) => Some(successor),
            Err(error) => {
                tracing::warn!(%error, "a successor can't be heard");
                tokio::time::sleep(Duration::from_secs(1)).await;
                None
            }
        },
        None => std::future::pending().await,
    }
}

/// Hand everything over. True if the successor serves; otherwise all is as it was before.
pub(crate) async fn hand_over(successor: &UnixSeqpacket, gateway: &Gateway) -> bool {
    match timeout(PATIENCE, is_successor(successor)).await {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) | Err(_) => return false,
        Ok(Err(error)) => {
            tracing::warn!(%error, "somebody knocked and said nothing");
            return false;
        }
    }
    tracing::info!("handing over");
    let (sockets, admin) = gateway.hand_over();
    let given = timeout(PATIENCE, give(successor, sockets, admin)).await;
    let serves = match given {
        Ok(Ok(())) => matches!(timeout(START_TIME, is_said(successor, SERVING)).await, Ok(Ok(true))),
        Ok(Err(_)) | Err(_) => false,
    };
    // A successor that is gone by now served nobody.
    let serves = serves && successor.send(DRAINING).await.is_ok();
    if !serves {
        tracing::error!("the successor didn't come to serve; going on");
        gateway.resume();
    }
    serves
}

/// Does a process of the same user want to take over?
async fn is_successor(peer: &UnixSeqpacket) -> std::io::Result<bool> {
    if peer.peer_cred()?.uid() != UCred::from_current_process().uid() {
        return Ok(false);
    }
    is_said(peer, KNOCK).await
}

async fn is_said(peer: &UnixSeqpacket, word: &[u8]) -> std::io::Result<bool> {
    let mut buffer = [0; 64];
    let length = peer.recv(&mut buffer).await?.bytes_read();
    Ok(buffer.get(..length) == Some(word))
}

async fn give(successor: &UnixSeqpacket, sockets: &[Inherited], admin: Option<&Inherited>) -> std::io::Result<()> {
    let kind = |socket: &Inherited| if socket.is_tls { "tls" } else { "listen" };
    for (kind, socket) in sockets.iter().map(|it| (kind(it), it)).chain(admin.map(|it| ("admin", it))) {
        let text = format!("{kind} {}", socket.wanted);
        let mut space = [0; 64];
        let mut rights = AncillaryMessageWriter::new(&mut space);
        rights.add_fds([socket.listener.as_fd()])?;
        successor.send_vectored_with_ancillary(&[IoSlice::new(text.as_bytes())], &mut rights).await?;
    }
    successor.send(END).await?;
    Ok(())
}

/// What a successor got.
pub(crate) struct Taken {
    /// The connection to the one that went before lives in it.
    event_loop: Runtime,
    before: UnixSeqpacket,
    sockets: Vec<Inherited>,
    admin: Option<Inherited>,
}

impl Taken {
    /// The listening sockets, and the admin address' own.
    pub(crate) fn sockets(&mut self) -> (Vec<Inherited>, Option<Inherited>) {
        (std::mem::take(&mut self.sockets), self.admin.take())
    }

    /// Clients are served: the one that went before may drain. An error if it didn't wait for that and goes on itself.
    pub(crate) fn say_serving(self) -> anyhow::Result<()> {
        let pid = self.before.peer_cred().ok().and_then(|peer| peer.pid());
        // Whoever calls has an event loop, within which no other can run: it runs on a thread of its own.
        let said = std::thread::spawn(move || {
            let agree = async {
                self.before.send(SERVING).await?;
                is_said(&self.before, DRAINING).await
            };
            self.event_loop.block_on(async { timeout(PATIENCE, agree).await })
        });
        if matches!(said.join(), Ok(Ok(Ok(true)))) {
            tracing::info!("took over");
            return Ok(());
        }
        if pid.is_some_and(|pid| Path::new("/proc").join(pid.to_string()).exists()) {
            anyhow::bail!("the gateway that was to be taken over goes on by itself");
        }
        tracing::warn!("the gateway that was taken over has ended before it could drain");
        Ok(())
    }
}

/// Take over from the gateway that runs with the document's state directory; none if there is none. A document that is bad
/// is no reason to disturb anybody.
pub(crate) fn take(file: &Path, text: &str) -> anyhow::Result<Result<Option<Taken>, Diagnostics>> {
    let document = match load::plan(&load::builder(load::runtime_for_checking()?), file, text) {
        Ok((document, _)) => document,
        Err(diagnostics) => return Ok(Err(diagnostics)),
    };
    let door = Door::at(&load::state_directory(file, &document.state));
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = event_loop.block_on(async {
        let Ok(before) = UnixSeqpacket::connect(&door.path).await else { return Ok(None) };
        let got = timeout(PATIENCE, ask(&before)).await.context("the running gateway hands nothing over")??;
        anyhow::Ok(Some((before, got)))
    })?;
    let Some((before, (sockets, admin))) = asked else {
        tracing::info!("there is no gateway to take over from");
        return Ok(Ok(None));
    };
    Ok(Ok(Some(Taken { event_loop, before, sockets, admin })))
}

async fn ask(before: &UnixSeqpacket) -> anyhow::Result<(Vec<Inherited>, Option<Inherited>)> {
    before.send(KNOCK).await?;
    let (mut sockets, mut admin) = (Vec::new(), None);
    loop {
        let (mut buffer, mut space) = ([0; 128], [0; 256]);
        let (length, fd) = {
            let mut slices = [IoSliceMut::new(&mut buffer)];
            let (info, rights) = before.recv_vectored_with_ancillary(&mut slices, &mut space).await?;
            (info.bytes_read(), rights.into_messages().find_map(only_fd))
        };
        let text = std::str::from_utf8(buffer.get(..length).unwrap_or_default())?;
        if text.as_bytes() == END {
            return Ok((sockets, admin));
        }
        let (kind, wanted) = text.split_once(' ').context("the running gateway speaks another language")?;
        let wanted: SocketAddr = wanted.parse()?;
        let listener = TcpListener::from(fd.context("the running gateway sent no socket")?);
        match kind {
            "listen" | "tls" if sockets.len() < MAX_SOCKETS => {
                sockets.push(Inherited { wanted, is_tls: kind == "tls", listener });
            }
            "admin" => admin = Some(Inherited { wanted, is_tls: false, listener }),
            _ => anyhow::bail!("the running gateway sent a socket that nobody knows what for"),
        }
    }
}

fn only_fd(message: OwnedAncillaryMessage<'_>) -> Option<OwnedFd> {
    match message {
        OwnedAncillaryMessage::FileDescriptors(mut fds) => fds.next(),
        _ => None,
    }
}
