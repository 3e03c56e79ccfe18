//! The demo's origin: small on purpose, real HTTP, and a serial number in every answer that shows who made it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Answers so far.
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// The largest body that is read.
const MAX_BODY: usize = 1 << 20;

/// Serve on a free loopback port until the process ends.
pub(super) fn start() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    std::thread::Builder::new().name("demo-origin".into()).spawn(move || {
        for stream in listener.incoming().flatten() {
            // A connection that fails is the demo client's loss and nobody else's.
            let spawned = std::thread::Builder::new().spawn(move || drop(serve(stream)));
            drop(spawned);
        }
    })?;
    Ok(address)
}

/// What the demo needs of a request.
struct Request {
    line: String,
    content_type: String,
    body: Vec<u8>,
}

fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some(request) = read(&mut reader)? {
        let (status, content_type, body) = answer(&request);
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n", body.len());
        writer.write_all(&[head.as_bytes(), &body].concat())?;
    }
    Ok(())
}

fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let (mut length, mut chunked, mut content_type) = (0, false, String::new());
    loop {
        let mut field = String::new();
        if reader.read_line(&mut field)? == 0 || field.trim_end().is_empty() {
            break;
        }
        let (name, value) = field.split_once(':').unwrap_or((&field, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "transfer-encoding" => chunked = true,
            "content-type" => content_type = value.trim().to_owned(),
            _ => {}
        }
    }
    let body = if chunked { read_chunks(reader)? } else { read_exactly(reader, length)? };
    Ok(Some(Request { line: line.trim_end().to_owned(), content_type, body }))
}

fn read_exactly(reader: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut body = vec![0; length.min(MAX_BODY)];
    reader.read_exact(&mut body)?;
    Ok(body)
}

fn read_chunks(reader: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        body.extend(read_exactly(reader, size)?);
        let mut end = String::new();
        reader.read_line(&mut end)?;
        if size == 0 || body.len() > MAX_BODY {
            return Ok(body);
        }
    }
}

fn answer(request: &Request) -> (&'static str, String, Vec<u8>) {
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed) + 1;
    let mut words = request.line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let json = |text: String| ("200 OK", "application/json".to_owned(), text.into_bytes());
    match (method, path) {
        ("GET", "/orders" | "/orders/") => json(format!("{{\"orders\":[6,7],\"serial\":{serial}}}\n")),
        ("GET", path) if path.starts_with("/orders/") => {
            json(format!("{{\"order\":\"{}\",\"serial\":{serial}}}\n", path.trim_start_matches("/orders/")))
        }
        ("GET", "/reports/daily") => json(format!("{{\"report\":\"daily\",\"serial\":{serial}}}\n")),
        ("GET", "/legacy/invoice") => {
            let xml = format!(
                "<?xml version=\"1.0\"?>\n<invoice number=\"{serial}\"><customer>Ann &amp; Co</customer>\
                 <line sku=\"a\">1.10</line><line sku=\"b\">2.20</line></invoice>\n"
            );
            ("200 OK", "application/xml".into(), xml.into_bytes())
        }
        ("POST", "/legacy/echo") => ("200 OK", request.content_type.clone(), request.body.clone()),
        _ => ("404 Not Found", "text/plain".into(), b"the demo's origin doesn't have that\n".to_vec()),
    }
}
