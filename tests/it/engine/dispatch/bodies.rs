//! The requests that targets get.

use sha2::{Digest as _, Sha256};

use super::{FORM, dispatch, encoded, first, post, receiver};
use crate::{app::PATIENCE, engine::server::Server};

#[tokio::test]
async fn di1_ac3_a_form_arrives_without_its_control_fields_and_with_repeated_values() {
    let (server, operator) = Server::start().await;
    let target = receiver().await;
    let body = format!("a=1&_url={}&b=2&a=3", encoded(&target.url("/hook?x=1")));
    let answer = post(&operator, "/dispatch", FORM, body.as_bytes()).await.expect(202);
    assert_eq!((answer.text.as_str(), answer.header("content-type")), ("202 Scheduled", "text/plain; charset=utf-8"));
    let request = first(&target).await;
    assert_eq!((&*request.body, request.path.as_str()), (&b"a=1&b=2&a=3"[..], "/hook?x=1"));
    assert_eq!(request.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(request.header("hook-event"), "dispatch.request");
    drop(server);
}

#[tokio::test]
async fn di3_odd_pairs_arrive_byte_for_byte() {
    let (_server, operator) = Server::start().await;
    let target = receiver().await;
    let odd = b"a=+&b=%2B&c=%20&d=%zz&e=&f&g=\xff\xfe&h=1;i=2&&%5Fx=1";
    let body = [odd, format!("&%5furl={}", encoded(&target.url("/"))).as_bytes()].concat();
    post(&operator, "/dispatch", FORM, &body).await.expect(202);
    assert_eq!(first(&target).await.body, odd);
}

#[tokio::test]
async fn di4_ac4_files_of_a_multipart_form_arrive_with_equal_digests() {
    let (_server, operator) = Server::start().await;
    let target = receiver().await;
    let binary: Vec<u8> = (0..200_000_u32).flat_map(|n| [n.to_be_bytes()[3], b'\r', b'\n', b'-', b'-']).collect();
    let file = |name: &str, bytes: &[u8]| {
        let head = format!(
            "--b0und\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"ü \\\"x\\\".bin\"\r\n\
             Content-Type: application/octet-stream\r\nX-Part: 1\r\n\r\n"
        );
        [head.as_bytes(), bytes, b"\r\n"].concat()
    };
    let field = format!("--b0und\r\nContent-Disposition: form-data; name=\"_url\"\r\n\r\n{}\r\n", target.url("/"));
    let (before, one, two) = (b"preamble\r\n".to_vec(), file("one", &binary), file("zwei", b"\r\n--b0undx\r\n"));
    let end = b"--b0und--\r\n".to_vec();
    let sent = [before.clone(), one.clone(), field.into_bytes(), two.clone(), end.clone()].concat();
    let media_type = "multipart/form-data; boundary=\"b0und\"";
    post(&operator, "/dispatch", &format!("content-type: {media_type}\r\n"), &sent).await.expect(202);
    let request = first(&target).await;
    assert_eq!(request.header("content-type"), media_type);
    let left = [before, one, two, end].concat();
    assert!(request.body == left, "{} bytes of {}", request.body.len(), left.len());
    assert_eq!(Sha256::digest(&request.body), Sha256::digest(&left));
    assert!(left.windows(binary.len()).any(|window| window == binary), "a control");
}

#[tokio::test]
async fn di5_any_other_body_arrives_untouched_with_its_type_or_none() {
    let (_server, operator) = Server::start().await;
    let bytes = b"{\"_url\" : \"http://nowhere/\"}\0\xff&_url=x";
    for (n, media_type) in ["application/json", "text/xml; charset=\"x\"", ""].into_iter().enumerate() {
        let target = receiver().await;
        let given = if media_type.is_empty() { String::new() } else { format!("content-type: {media_type}\r\n") };
        if n % 2 == 0 {
            let path = format!("/dispatch?_url={}", encoded(&target.url("/")));
            post(&operator, &path, &given, bytes).await.expect(202);
        } else {
            let headers = format!("{given}thorn-url: {}\r\n", target.url("/"));
            post(&operator, "/dispatch", &headers, bytes).await.expect(202);
        }
        let request = first(&target).await;
        assert_eq!((&*request.body, request.header("content-type")), (&bytes[..], media_type));
        assert_eq!(request.headers.contains_key("content-type"), !media_type.is_empty());
        assert!(!request.headers.contains_key("thorn-url") && !request.headers.contains_key("authorization"));
    }
}

#[tokio::test]
async fn di8_an_empty_body_is_posted() {
    let (_server, operator) = Server::start().await;
    let target = receiver().await;
    dispatch(&operator, &format!("_url={}", encoded(&target.url("/")))).await;
    let request = first(&target).await;
    assert_eq!((request.body.len(), request.header("content-length")), (0, "0"));
}

#[tokio::test]
async fn di9_each_target_gets_one_delivery_of_one_event() {
    let (_server, operator) = Server::start().await;
    let target = receiver().await;
    let url = |path: &str| encoded(&target.url(path));
    let path = format!("/dispatch?_url={}&_url={}", url("/query"), url("/body"));
    let headers = format!("{FORM}accept: application/json\r\nthorn-url: {}\r\n", target.url("/header"));
    let body = format!("_url={}&x=1&_url={}&_url={}", url("/body"), url("/body"), url("/second"));
    let answer = post(&operator, &path, &headers, body.as_bytes()).await.expect(202).json();
    let targets = answer["targets"].as_array().unwrap();
    assert_eq!(targets.len(), 4, "{answer}");
    let received = target.wait_for(4, PATIENCE).await.unwrap();
    let mut paths: Vec<_> = received.iter().map(|request| request.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/body", "/header", "/query", "/second"]);
    for request in &received {
        let named = targets.iter().find(|one| one["url"] == target.url(&request.path)).unwrap();
        assert_eq!(
            (request.header("webhook-id"), request.body.as_slice()),
            (named["delivery"].as_str().unwrap(), &b"x=1"[..])
        );
        assert_eq!(request.header("hook-event-id"), answer["id"].as_str().unwrap());
    }
}

#[tokio::test]
async fn di10_di11_a_topic_is_an_event_for_its_subscribers_and_a_url_gets_its_own() {
    let (_server, operator) = Server::start().await;
    let (target, subscriber) = (receiver().await, receiver().await);
    operator.subscribe("order.*", &subscriber.url("/")).await;
    operator.subscribe("*", &subscriber.url("/every-kind")).await;
    let headers = format!("{FORM}accept: application/json\r\n");
    let body = format!("_topic=order.paid&x=1&_url={}", encoded(&target.url("/")));
    let answer = post(&operator, "/dispatch", &headers, body.as_bytes()).await.expect(202).json();
    assert_eq!(answer["topic"]["name"], "order.paid");
    let (to_target, received) = (first(&target).await, subscriber.wait_for(2, PATIENCE).await.unwrap());
    assert_eq!(to_target.body, b"x=1");
    for to_subscriber in &received {
        assert_eq!((&*to_subscriber.body, to_subscriber.header("hook-event")), (&b"x=1"[..], "order.paid"));
        assert_eq!(to_subscriber.header("hook-event-id"), answer["topic"]["id"].as_str().unwrap());
        assert!(to_subscriber.header("webhook-signature").starts_with("v1,"));
    }
    // Patterns that begin with a wildcard don't mean `dispatch.request`, and a topic needs no subscriber.
    let answer = post(&operator, "/dispatch?_topic=nobody.hears", &headers, b"x=1").await.expect(202).json();
    assert_eq!((answer["targets"].as_array().unwrap().len(), &answer["id"]), (0, &answer["topic"]["id"]));
    let mut paths: Vec<_> = subscriber.wait_for(3, PATIENCE).await.unwrap().into_iter().map(|one| one.path).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/", "/every-kind", "/every-kind"]);
}
