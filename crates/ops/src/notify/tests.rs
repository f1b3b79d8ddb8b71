//! Webhooks and mail against small servers of their own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use super::mail::{Mail, MailServer, Security};
use super::*;

const LIMIT: Duration = Duration::from_secs(10);

/// Answers one connection with `serve`, and returns the port and what was served.
fn once<T: Send + 'static>(serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> (u16, JoinHandle<T>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, std::thread::spawn(move || serve(listener.accept().unwrap().0)))
}

/// Reads one request and answers it; returns the head and the body.
fn answer(mut stream: TcpStream, response: &str) -> (String, String) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0);
    }
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    stream.write_all(response.as_bytes()).unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn url(port: u16) -> SecretString {
    format!("http://127.0.0.1:{port}/services/s3cret-token?key=s3cret").into()
}

#[tokio::test]
async fn a_webhook_gets_the_document() {
    let (port, served) = once(|stream| answer(stream, "HTTP/1.1 204 No Content\r\n\r\n"));
    webhook(&url(port), &serde_json::json!({"text": "ä"}), LIMIT).await.unwrap();
    let (head, body) = served.join().unwrap();
    assert!(head.starts_with("POST /services/s3cret-token?key=s3cret HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("content-type: application/json\r\n"), "{head}");
    assert_eq!(body, "{\"text\":\"ä\"}");
}

#[tokio::test]
async fn no_failure_of_a_webhook_tells_its_address() {
    let refused = "HTTP/1.1 403 Forbidden\r\ncontent-length: 6\r\n\r\ns3cret";
    let moved = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    for (response, part) in
        [(refused, "it answered 403 Forbidden"), (moved, "it answered 302 Found"), ("nonsense\r\n\r\n", "")]
    {
        let (port, _) = once(move |stream| answer(stream, response));
        let error = webhook(&url(port), &Value::Null, LIMIT).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains(part) && text.contains("the webhook at 127.0.0.1") && !text.contains("s3cret"),
            "{text}"
        );
    }
    let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let error = webhook(&url(closed), &Value::Null, LIMIT).await.unwrap_err().to_string();
    assert!(error.contains("onnection refused") && !error.contains("s3cret"), "{error}");
    let error = webhook(&"s3cret".into(), &Value::Null, LIMIT).await.unwrap_err().to_string();
    assert!(!error.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn a_webhook_that_does_not_answer_is_given_up() {
    let (port, _served) = once(|stream| {
        std::thread::sleep(Duration::from_secs(5));
        drop(stream);
    });
    let begun = std::time::Instant::now();
    let error = webhook(&url(port), &Value::Null, Duration::from_millis(300)).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(3), "{error}");
    assert!(error.to_string().contains("timed out"), "{error}");
}

/// Plays a mail server for one mail; returns all that was said to it.
fn take_mail(mut stream: TcpStream) -> String {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut say = |text: &str| stream.write_all(text.as_bytes()).unwrap();
    let mut heard = String::new();
    let mut content = false;
    say("220 mail.test ready\r\n");
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            return heard;
        }
        heard.push_str(&line);
        match line.split_whitespace().next().unwrap_or_default() {
            "." if content => {
                content = false;
                say("250 taken\r\n");
            }
            _ if content => {}
            "EHLO" => say("250-mail.test\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n"),
            "AUTH" => say("235 welcome\r\n"),
            "DATA" => {
                content = true;
                say("354 go on\r\n");
            }
            "QUIT" => {
                say("221 bye\r\n");
                return heard;
            }
            _ => say("250 ok\r\n"),
        }
    }
}

fn server(port: u16, security: Security) -> MailServer {
    MailServer { host: "127.0.0.1".into(), port, security, login: Some(("backup".into(), "s3cret".into())) }
}

fn mail() -> Mail {
    Mail {
        from: "Backups <backup@example.edu>".into(),
        to: vec!["dba@example.edu".into(), "Zweite <second@example.edu>".into()],
        subject: "app: backup failed\r\nBcc: stranger@example.org".into(),
        body: "Zeile 1\n.\nüber alles\n".into(),
    }
}

#[tokio::test]
async fn a_mail_reaches_all_its_receivers_with_its_login() {
    let (port, served) = once(take_mail);
    mail::send(server(port, Security::None), &mail(), LIMIT).await.unwrap();
    let heard = served.join().unwrap();
    for part in [
        "MAIL FROM:<backup@example.edu>",
        "RCPT TO:<dba@example.edu>",
        "RCPT TO:<second@example.edu>",
        "AUTH PLAIN AGJhY2t1cABzM2NyZXQ=",
        "From: Backups <backup@example.edu>",
        "Zeile 1\r\n",
    ] {
        assert!(heard.contains(part), "{part}: {heard}");
    }
    assert!(!heard.lines().any(|line| line.starts_with("Bcc:")), "{heard}");
}

#[tokio::test]
async fn a_password_is_never_sent_in_plain_text_to_another_machine() {
    let far = MailServer { host: "mail.invalid".into(), ..server(25, Security::None) };
    let error = mail::send(far, &mail(), LIMIT).await.unwrap_err().to_string();
    assert_eq!(error, "no password is sent to mail.invalid in plain text");
    let (port, served) = once(take_mail);
    let error = mail::send(server(port, Security::StartTls), &mail(), LIMIT).await.unwrap_err().to_string();
    assert!(error.starts_with("could not reach the mail server 127.0.0.1: "), "{error}");
    assert!(!served.join().unwrap().contains("AUTH"), "a server without TLS hears no password");
}

#[tokio::test]
async fn what_is_no_address_is_said() {
    let wrong = Mail { to: vec!["dba at example".into()], ..mail() };
    let error = mail::send(server(1, Security::None), &wrong, LIMIT).await.unwrap_err().to_string();
    assert!(error.starts_with("\"dba at example\" is no mail address"), "{error}");
    assert!(mail::check_address("a@b").is_ok() && mail::check_address("a").is_err());
}
