//! The next hop: which hosts are tried for a domain, in which order, and what a stranger's DNS can
//! not do to us. Rows 36 and 37 of the list of defects.

#[allow(dead_code)]
mod common {
    pub mod dns;
    pub mod side_by_side;
}

use common::dns::{ASKED, FINE, answer_to, asked, bind, labels, other_id, record};
use common::side_by_side::at_two_paces;
use smtp_primer::next_hop::dns::{Answer, Data, Kind, Question, Record};
use smtp_primer::next_hop::resolver::Resolver;
use smtp_primer::next_hop::{Dns, MAIL_PORT, NoHop, Route, Target, next_hops};
use smtp_primer::protocol::address::Domain;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

// --- The decision, with a table for DNS -------------------------------------------------------

/// Lines such as `b.example MX 10 mx.example`. Instead of a type: `SILENT`, no answer comes, or
/// `MISSING`, there is no such name; a type behind it limits that to one kind of question.
struct Table<'a> {
    lines: &'a str,
    /// The names that were asked for.
    asked: Vec<String>,
    /// The clock: each question takes one unit of this.
    time: usize,
}

impl Table<'_> {
    fn new(lines: &str) -> Table<'_> {
        let (asked, time) = (Vec::new(), usize::MAX);
        Table { lines, asked, time }
    }
}

impl Dns for Table<'_> {
    fn ask(&mut self, name: &str, kind: Kind) -> Result<Vec<Record>, NoHop> {
        let Some(left) = self.time.checked_sub(1) else {
            return Err(NoHop::NotNow("the time is over".to_string()));
        };
        self.time = left;
        self.asked.push(name.to_string());
        let its_type = format!("{kind:?}").to_uppercase();
        let (mut known, mut records) = (false, Vec::new());
        for line in self.lines.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [owner, rest @ ..] = &words[..] else {
                continue;
            };
            let is_asked = owner.eq_ignore_ascii_case(name);
            known |= is_asked;
            let data = match rest {
                ["MX", preference, host] if kind == Kind::Mx => {
                    Data::Mx(preference.parse().unwrap(), host.to_string())
                }
                ["A", ip] if kind == Kind::A => Data::Address(ip.parse().unwrap()),
                ["AAAA", ip] if kind == Kind::Aaaa => Data::Address(ip.parse().unwrap()),
                ["CNAME", host] => Data::Alias(host.to_string()),
                [what @ ("SILENT" | "MISSING"), of @ ..]
                    if is_asked && (of.is_empty() || *of == [its_type.as_str()]) =>
                {
                    return Err(match *what {
                        "SILENT" => NoHop::NotNow(format!("{name} is silent")),
                        _ => NoHop::Never(format!("{name} does not exist")),
                    });
                }
                _ => continue,
            };
            // Also what nobody asked for: the answer must be searched for what was.
            let owner = owner.to_string();
            records.push(Record { owner, data });
        }
        if known {
            Ok(records)
        } else {
            Err(NoHop::Never(format!("{name} does not exist")))
        }
    }
}

fn domain(text: &str) -> Domain {
    text.parse().unwrap()
}

fn routes(lines: &[&str]) -> Vec<Route> {
    lines.iter().map(|line| line.parse().unwrap()).collect()
}

fn by_dns_to(port: u16, table: &str, name: &str) -> Result<Vec<Target>, NoHop> {
    let mut table = Table::new(table);
    let own = domain("us.example");
    next_hops(&domain(name), &[], &own, port, Some(&mut table))
}

fn by_dns(table: &str, name: &str) -> Result<Vec<Target>, NoHop> {
    by_dns_to(MAIL_PORT, table, name)
}

/// `name=address,address name=address`, or the reason.
fn shown(hops: Result<Vec<Target>, NoHop>) -> String {
    let show = |target: &Target| {
        let addresses: Vec<String> = target.addresses.iter().map(|to| to.to_string()).collect();
        format!("{}={}", target.name, addresses.join(","))
    };
    match hops {
        Ok(targets) => targets.iter().map(show).collect::<Vec<_>>().join(" "),
        Err(NoHop::Never(why)) => format!("never: {why}"),
        Err(NoHop::NotNow(why)) => format!("not now: {why}"),
    }
}

#[test]
fn a_route_is_written_as_it_is_read() {
    for line in [
        "b.example 127.0.0.1:2626",
        "b.example mx.b.example:25",
        "* localhost:65535",
        "* [2001:db8::1]:25",
        "* mx_1.example:25",
        "* mx.example.:25",
        "[192.0.2.1] 127.0.0.1:1",
    ] {
        let route: Route = line.parse().unwrap();
        assert_eq!(route.to_string(), line);
        assert_eq!(route.to_string().parse(), Ok(route));
    }
}

#[test]
fn what_is_no_route_is_refused() {
    for line in [
        "",
        "b.example",
        "b.example 127.0.0.1:25 more",
        "b..example 127.0.0.1:25",
        "b.example 127.0.0.1",
        "b.example 127.0.0.1:0",
        "b.example 127.0.0.1:65536",
        "b.example 127.0.0.1:+25",
        "b.example :25",
        "b.example mx.example:smtp",
        "b.example 2001:db8::1:25",
        "b.example mx 1.example:25",
    ] {
        assert!(line.parse::<Route>().is_err(), "{line}");
    }
}

#[test]
fn a_route_for_the_domain_beats_the_smart_host_and_the_first_one_wins() {
    let routes = routes(&[
        "* 127.0.0.9:9",
        "B.example 127.0.0.1:1",
        "b.EXAMPLE 127.0.0.2:2",
    ]);
    for (name, hop) in [
        ("b.example", "[127.0.0.1]=127.0.0.1:1"),
        ("sub.b.example", "[127.0.0.9]=127.0.0.9:9"),
        ("[192.0.2.1]", "[127.0.0.9]=127.0.0.9:9"),
    ] {
        let mut table = Table::new("b.example MX 10 mx.example\nmx.example A 192.0.2.2");
        let us = domain("us.example");
        let hops = next_hops(&domain(name), &routes, &us, 25, Some(&mut table));
        assert_eq!(shown(hops), hop);
        assert!(table.asked.is_empty(), "there is a route");
    }
}

#[test]
fn a_route_may_lead_to_a_name_that_the_system_knows() {
    let us = domain("us.example");
    let to_localhost = routes(&["* localhost:2525"]);
    let hops = next_hops(&domain("b.example"), &to_localhost, &us, 25, None).unwrap();
    assert_eq!(hops[0].name.to_string(), "localhost");
    let mut addresses = hops[0].addresses.iter();
    assert!(addresses.all(|to| to.ip().is_loopback() && to.port() == 2525));
    // No resolver takes a label this long, so this asks no network.
    let nowhere = format!("* {}.example:25", "x".repeat(64));
    let hops = next_hops(&domain("b.example"), &routes(&[&nowhere]), &us, 25, None);
    assert!(shown(hops).starts_with(&format!("not now: \"route {nowhere}\"")));
}

#[test]
fn an_address_literal_needs_no_dns() {
    let us = domain("us.example");
    for (literal, hop) in [
        ("[192.0.2.1]", "[192.0.2.1]=192.0.2.1:26"),
        ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]=[2001:db8::1]:26"),
    ] {
        assert_eq!(shown(next_hops(&domain(literal), &[], &us, 26, None)), hop);
    }
    for ourselves in [
        "[127.0.0.1]",
        "[IPv6:::1]",
        "[IPv6:::ffff:127.0.0.1]",
        "[0.0.0.0]",
    ] {
        let hops = next_hops(&domain(ourselves), &[], &us, 25, None);
        assert!(
            matches!(hops, Err(NoHop::Never(_))),
            "{ourselves}: {hops:?}"
        );
    }
}

#[test]
fn without_a_route_and_a_resolver_the_letter_waits_and_the_reason_says_what_to_write() {
    let (b, us) = (domain("b.example"), domain("us.example"));
    let hops = shown(next_hops(&b, &[], &us, 25, None));
    assert!(hops.starts_with("not now: "), "{hops}");
    assert!(hops.contains("\"route b.example HOST:PORT\""), "{hops}");
    assert!(hops.contains("\"resolver HOST:PORT\""), "{hops}");
}

// OpenSMTPD #1190, maddy #129: MX that leads to the sender itself, and no fallback to A.
#[test]
fn mx_records_are_tried_by_preference_and_nothing_else_is() {
    let cases = "
# lowest number first, each with all its addresses, A before AAAA
b.example MX 20 two.example
b.example MX 10 one.example
b.example A 192.0.2.99
one.example AAAA 2001:db8::1
one.example A 192.0.2.11
> one.example=192.0.2.11:25,192.0.2.1:25,[2001:db8::1]:25 two.example=192.0.2.2:25
# the preference is a number, not a word
b.example MX 9 one.example
b.example MX 10 two.example
> one.example=192.0.2.1:25 two.example=192.0.2.2:25
# no MX: the host itself
b.example AAAA 2001:db8::7
b.example A 192.0.2.7
> b.example=192.0.2.7:25,[2001:db8::7]:25
# null MX, RFC 7505
b.example MX 0 .
b.example A 192.0.2.7
> never: 5.1.10 b.example takes no mail: its MX record names no host (null MX, RFC 7505)
# a null MX among others is only a host that is none
b.example MX 0 .
b.example MX 10 one.example
> one.example=192.0.2.1:25
# an alias is followed to the mail hosts
b.example CNAME C.example
c.example MX 10 one.example
> one.example=192.0.2.1:25
# an alias is followed to the host itself
b.example CNAME c.example
c.example CNAME one.example
> one.example=192.0.2.1:25
# an alias is followed to an address
b.example MX 10 c.example
c.example CNAME one.example
> c.example=192.0.2.1:25
# no such domain
> never: b.example does not exist
# nobody knows
b.example SILENT
> not now: b.example is silent
# a domain without an address
b.example EMPTY
> never: b.example has no address
# a host without an address is passed over
b.example MX 10 three.example
b.example MX 20 one.example
three.example EMPTY
> one.example=192.0.2.1:25
# a host that does not exist is passed over
b.example MX 10 three.example
b.example MX 20 one.example
> one.example=192.0.2.1:25
# a host that nobody knows is passed over
b.example MX 10 three.example
b.example MX 20 one.example
three.example SILENT
> one.example=192.0.2.1:25
# no host has an address
b.example MX 10 three.example
b.example MX 20 four.example
three.example EMPTY
> never: three.example has no address
# one of them may have one later
b.example MX 10 three.example
b.example MX 20 four.example
four.example SILENT
> not now: four.example is silent
# a null MX among others is not even asked for
b.example MX 0 .
b.example MX 10 three.example
three.example SILENT
> not now: three.example is silent
# an alias of the root: the name exists, and nothing else
b.example CNAME .
. EMPTY
> never: . has no address
";
    for case in cases.split("\n#").skip(1) {
        let (table, hops) = case.trim_end().split_once("\n> ").unwrap();
        let (claim, table) = table.split_once('\n').unwrap_or((table, ""));
        let known = "one.example A 192.0.2.1\ntwo.example A 192.0.2.2";
        let table = format!("{table}\n{known}");
        assert_eq!(shown(by_dns(&table, "b.example")), hops, "{claim}");
    }
}

#[test]
fn a_short_name_is_not_made_longer() {
    // RFC 5321 §5.1: who completes names sends the letter to another host than was meant.
    let table = "b.us.example A 192.0.2.1\nb.example A 192.0.2.2\nus.example A 192.0.2.3";
    assert_eq!(shown(by_dns(table, "b")), "never: b does not exist");
    let table = format!("{table}\nb A 192.0.2.4");
    assert_eq!(shown(by_dns(&table, "b")), "b=192.0.2.4:25");
}

// OpenSMTPD #1190 again; RFC 974, RFC 5321 §5.1.
#[test]
fn where_we_are_one_of_the_hosts_only_better_ones_are_tried() {
    let mx = |row: &str| format!("b.example MX {row}.example\n");
    let hosts = "one.example A 192.0.2.1\ntwo.example A 192.0.2.2\nus.example A 192.0.2.3";
    let loops = "never: mail for b.example loops back to this server, which has no such mailboxes";
    for (rows, hops) in [
        ("10 one,20 us,30 two", "one.example=192.0.2.1:25"),
        ("10 one,20 us,20 two", "one.example=192.0.2.1:25"),
        ("10 one,20 two,20 US", "one.example=192.0.2.1:25"),
        ("10 us", loops),
        ("10 us,20 two", loops),
        ("10 one,10 us,20 us", loops),
    ] {
        let table = rows.split(',').map(mx).collect::<String>() + hosts;
        assert_eq!(shown(by_dns(&table, "b.example")), hops, "{rows}");
    }
    for table in [
        "b.example MX 10 localhost\nlocalhost SILENT",
        "b.example CNAME us.example\nus.example EMPTY",
    ] {
        assert_eq!(shown(by_dns(table, "b.example")), loops, "{table}");
    }
}

#[test]
fn a_loopback_address_at_the_mail_port_is_ourselves_and_at_another_a_neighbour() {
    for ip in [
        "A 127.0.0.1",
        "A 127.8.8.8",
        "AAAA ::1",
        "AAAA ::ffff:127.0.0.1",
        "A 0.0.0.0",
    ] {
        let table = format!("b.example MX 10 mx.example\nmx.example {ip}");
        let hops = by_dns(&table, "b.example");
        assert!(matches!(hops, Err(NoHop::Never(_))), "{ip}: {hops:?}");
    }
    let table = "b.example MX 10 mx.example\nmx.example A 127.0.0.1";
    let hops = shown(by_dns_to(2626, table, "b.example"));
    assert_eq!(hops, "mx.example=127.0.0.1:2626");
}

#[test]
fn hosts_with_the_same_preference_share_the_load() {
    let table = "b.example MX 10 one.example\nb.example MX 10 two.example\n\
                 b.example MX 5 first.example\nfirst.example A 192.0.2.3\n\
                 one.example A 192.0.2.1\ntwo.example A 192.0.2.2";
    let mut seconds = Vec::new();
    // That one of the two never comes first happens once in 2^99 runs.
    for _ in 0..100 {
        let hops = by_dns(table, "b.example").unwrap();
        assert_eq!(hops[0].name.to_string(), "first.example");
        seconds.push(hops[1].name.to_string());
    }
    for name in ["one.example", "two.example"] {
        assert!(seconds.iter().any(|second| second == name), "{name}");
    }
}

// The limits stand here as numbers: RFC 5321 §5.1 allows them, but not any number.
#[test]
fn a_stranger_cannot_send_us_to_a_thousand_hosts_or_addresses() {
    for (count, taken) in [(4, 4), (5, 5), (6, 5), (1000, 5)] {
        let row = |n| format!("b.example MX {n} h{n}.example\nh{n}.example A 192.0.2.1\n");
        let table: String = (0..count).map(row).collect();
        let mut table = Table::new(&table);
        let (b, us) = (domain("b.example"), domain("us.example"));
        let hops = next_hops(&b, &[], &us, 25, Some(&mut table)).unwrap();
        let names: Vec<String> = hops.iter().map(|hop| hop.name.to_string()).collect();
        let expected: Vec<String> = (0..taken).map(|n| format!("h{n}.example")).collect();
        assert_eq!(names, expected);
        assert_eq!(table.asked.len(), 1 + 2 * taken, "of {count}");
    }
    // The limit is for each kind of address: many of one kind leave room for the other.
    for (count, taken) in [(4, 4), (5, 5), (6, 5), (1000, 5)] {
        let v4 = |n| format!("b.example A 192.0.2.{}\n", n % 256);
        let v6 = |n| format!("b.example AAAA 2001:db8::{n}\n");
        let table: String = (1..=count).map(|n| v4(n) + &v6(n)).collect();
        let hops = by_dns(&table, "b.example").unwrap();
        let v4 = (1..=taken).map(|n| format!("192.0.2.{n}:25"));
        let v6 = (1..=taken).map(|n| format!("[2001:db8::{n}]:25"));
        let addresses = hops[0].addresses.iter().map(|to| to.to_string());
        assert_eq!(
            addresses.collect::<Vec<_>>(),
            v4.chain(v6).collect::<Vec<_>>()
        );
    }
}

/// So many mail hosts, of which only the last has an address.
fn only_the_last_of(count: usize) -> String {
    let row = |n| format!("b.example MX {n} h{n}.example\nh{n}.example EMPTY\n");
    let table: String = (1..=count).map(row).collect();
    format!("{table}h{count}.example A 192.0.2.1\n")
}

#[test]
fn hosts_without_an_address_do_not_hide_a_good_one_and_a_list_too_long_is_not_now() {
    for count in [1, 5, 6, 19, 20] {
        let hops = shown(by_dns(&only_the_last_of(count), "b.example"));
        assert_eq!(hops, format!("h{count}.example=192.0.2.1:25"));
    }
    for count in [21, 1000] {
        let table = only_the_last_of(count);
        let mut table = Table::new(&table);
        let (b, us) = (domain("b.example"), domain("us.example"));
        let hops = shown(next_hops(&b, &[], &us, 25, Some(&mut table)));
        let reason = "not now: none of the first 20 mail hosts of b.example has an address";
        assert!(hops.starts_with(reason), "{hops}");
        assert_eq!(
            table.asked.len(),
            41,
            "1 question for the list, 2 for each host"
        );
    }
    // The end of a list of 20 has been seen: nobody is there.
    let table = only_the_last_of(20).replace("A 192.0.2.1", "EMPTY");
    assert_eq!(
        shown(by_dns(&table, "b.example")),
        "never: h1.example has no address"
    );
}

#[test]
fn aliases_are_followed_a_few_times_and_not_in_a_circle() {
    for (count, good) in [(3, true), (4, true), (5, false)] {
        let mut table = format!("c{count}.example A 192.0.2.1\n");
        for n in 0..count {
            table += &format!("c{n}.example CNAME c{}.example\n", n + 1);
        }
        let found = by_dns(&table, "c0.example").is_ok();
        assert_eq!(found, good, "{count} aliases");
    }
    let circle = "a.example CNAME b.example\nb.example CNAME a.example";
    assert!(shown(by_dns(circle, "a.example")).starts_with("not now: "));
}

#[test]
fn a_name_from_dns_is_looked_up_whatever_printable_characters_it_has() {
    for name in [
        "mx_1.b.example",
        "_mx._tcp.b.example",
        "-mx-.b.example",
        "mx+1.b.example",
        "*.b.example",
        "192.0.2.9",
        r"mx\.b.example",
        "~!\"(){}@.b.example",
    ] {
        // As a mail host, as an alias of the domain, and as an alias of its mail host.
        for table in [
            format!("b.example MX 10 {name}\n{name} A 192.0.2.1"),
            format!("b.example CNAME {name}\n{name} A 192.0.2.1"),
            format!("b.example MX 10 m.example\nm.example CNAME {name}\n{name} A 192.0.2.1"),
        ] {
            let hops = by_dns(&table, "b.example").expect(&table);
            assert_eq!(
                hops[0].addresses,
                ["192.0.2.1:25".parse().unwrap()],
                "{table}"
            );
            // And what no message could show safely is called by its address.
            let shown = hops[0].name.to_string();
            assert!(
                ["m.example", name, "[192.0.2.1]"].contains(&&*shown),
                "{shown}"
            );
        }
        // Only DNS can say that such a host is none.
        for (line, hops) in [
            ("SILENT", format!("not now: {name} is silent")),
            ("MISSING", format!("never: {name} does not exist")),
        ] {
            let table = format!("b.example MX 10 {name}\n{name} {line}");
            assert_eq!(shown(by_dns(&table, "b.example")), hops);
        }
    }
    let hops = by_dns(
        "b.example MX 1 a_b.example\na_b.example A 192.0.2.1",
        "b.example",
    );
    assert_eq!(shown(hops), "a_b.example=192.0.2.1:25");
}

#[test]
fn it_is_never_only_where_every_question_has_a_final_answer() {
    let never = "never: mx.example ";
    let not_now = "not now: mx.example is silent";
    for (rows, hops) in [
        ("SILENT A,MISSING AAAA", not_now),
        ("MISSING A,SILENT AAAA", not_now),
        ("SILENT A,EMPTY", not_now),
        ("EMPTY,SILENT AAAA", not_now),
        ("SILENT", not_now),
        ("MISSING", never),
        ("EMPTY", never),
        ("EMPTY,MISSING AAAA", never),
        ("EMPTY,MISSING A", never),
        ("SILENT A,AAAA 2001:db8::1", "mx.example=[2001:db8::1]:25"),
        ("MISSING A,AAAA 2001:db8::1", "mx.example=[2001:db8::1]:25"),
        ("A 192.0.2.1,SILENT AAAA", "mx.example=192.0.2.1:25"),
        ("A 192.0.2.1,MISSING AAAA", "mx.example=192.0.2.1:25"),
    ] {
        // Alone, and between two hosts that do not exist.
        for others in [
            "",
            "b.example MX 5 gone.example\nb.example MX 15 lost.example\n",
        ] {
            let row = |row| format!("mx.example {row}\n");
            let table: String = rows.split(',').map(row).collect();
            let table = format!("{others}b.example MX 10 mx.example\n{table}");
            let found = shown(by_dns(&table, "b.example"));
            let hops = match hops == never && !others.is_empty() {
                true => "never: gone.example does not exist",
                false => hops,
            };
            assert!(found.starts_with(hops), "{rows}: {found}");
        }
    }
}

#[test]
fn when_the_time_is_over_the_hosts_found_so_far_are_tried_and_without_one_it_is_not_now() {
    let row = |n| format!("b.example MX {n} h{n}.example\nh{n}.example A 192.0.2.{n}\n");
    let found: String = (1..=5).map(row).collect();
    let empty = found.replace(" A 192", " TXT 192");
    for (time, hosts) in [(1, 0), (2, 1), (3, 1), (4, 2), (9, 4), (10, 5), (11, 5)] {
        let (b, us) = (domain("b.example"), domain("us.example"));
        let find = |table: &str| {
            let mut table = Table {
                time,
                ..Table::new(table)
            };
            next_hops(&b, &[], &us, 25, Some(&mut table))
        };
        let count = find(&found).map_or(0, |hops| hops.len());
        assert_eq!(count, hosts, "{time} questions");
        let is_over = find(&empty) == Err(NoHop::NotNow("the time is over".into()));
        assert_eq!(is_over, time < 11, "{time} questions");
    }
}

#[test]
fn an_address_of_our_own_does_not_hide_the_others_of_a_host() {
    let table = "b.example A 127.0.0.1\nb.example A 192.0.2.1\nb.example AAAA ::";
    assert_eq!(shown(by_dns(table, "b.example")), "b.example=192.0.2.1:25");
}

// --- The packets ------------------------------------------------------------------------------

const ID: u16 = 0x1234;
/// A name of 192 + `last` octets; in a packet it has 194 + `last`.
fn long_name(last: usize) -> String {
    let label = |length| "x".repeat(length);
    [63, 63, 63, last].map(label).join(".")
}

fn question(name: &str, kind: Kind) -> Question {
    Question::new(name, kind).unwrap()
}

/// Reads an answer to "MX of b.example"; its first record begins at octet 27.
fn read(count: u16, records: &[u8]) -> Option<Answer> {
    let question = question("b.example", Kind::Mx);
    question.read_answer(ID, &answer_to(&question.encode(ID), FINE, count, records))
}

/// Where the first record of that answer begins.
const FIRST: usize = 27;

fn is_read(answer: &Option<Answer>) -> bool {
    matches!(answer, Some(Answer::Records(_)))
}

fn malformed(answer: &Option<Answer>) -> bool {
    matches!(answer, Some(Answer::Failed(why)) if why.contains("cannot be read"))
}

#[test]
fn a_question_stands_in_the_packet_as_rfc_1035_says() {
    let packet = question("b.Example", Kind::Mx).encode(ID);
    let header = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00";
    assert_eq!(
        packet,
        [&header[..], b"\x01b\x07Example\x00\x00\x0f\x00\x01"].concat()
    );
    assert!(
        question("b.example", Kind::A)
            .encode(ID)
            .ends_with(&[0, 0, 1, 0, 1])
    );
    assert!(
        question("b.example", Kind::Aaaa)
            .encode(ID)
            .ends_with(&[0, 0, 28, 0, 1])
    );
}

#[test]
fn a_name_that_does_not_fit_is_not_asked_for() {
    for (length, good) in [(62, true), (63, true), (64, false), (253, false)] {
        let name = "x".repeat(length);
        assert_eq!(
            Question::new(&name, Kind::A).is_some(),
            good,
            "a label of {length}"
        );
    }
    // In the packet a name has two octets more: the first length, and the end.
    for (last, good) in [(60, true), (61, true), (62, false), (63, false)] {
        let name = long_name(last);
        assert_eq!(Question::new(&name, Kind::A).is_some(), good, "{last}");
    }
    for bad in ["", "a..b", ".a", "a.", ".."] {
        assert_eq!(Question::new(bad, Kind::A), None, "{bad:?}");
    }
    let server = "127.0.0.1:1".parse().unwrap();
    let mut silent = Resolver::new(server, Some(Duration::ZERO), Instant::now());
    let nobody = silent.ask(&"x".repeat(64), Kind::Mx);
    assert!(matches!(nobody, Err(NoHop::Never(_))));
}

#[test]
fn every_name_that_an_answer_can_hold_can_be_asked_for_again() {
    let printable: Vec<u8> = (b'!'..=b'~').filter(|octet| *octet != b'.').collect();
    let mut names: Vec<Vec<u8>> = printable.chunks(50).map(|octets| octets.to_vec()).collect();
    names.extend([&b"mx_1"[..], b"\\046", b"MX"].map(|label| label.to_vec()));
    for label in names {
        let wire = [&[label.len() as u8], &label[..], &[1, b'b', 0]].concat();
        let Some(Answer::Records(records)) = read(1, &record(&wire, 1, &[1; 4])) else {
            panic!("{label:?}");
        };
        let packet = question(&records[0].owner, Kind::A).encode(ID);
        assert_eq!(packet[12..packet.len() - 4], wire, "{}", records[0].owner);
    }
    let root = question(".", Kind::A).encode(ID);
    assert_eq!(root[12..], [0, 0, 1, 0, 1]);
}

#[test]
fn a_name_that_cannot_be_shown_or_has_a_dot_in_a_label_is_malformed_so_it_is_not_now() {
    let is_odd = |octet: &u8| !(b'!'..=b'~').contains(octet) || *octet == b'.';
    for octet in (0..=255).filter(is_odd) {
        // At the end of the label of an owner, and alone in the name of a mail host.
        let owner = [&[3, b'm', b'x', octet], ASKED].concat();
        assert!(malformed(&read(1, &record(&owner, 1, &[1; 4]))), "{octet}");
        let host = [&[0, 10, 1, octet], ASKED].concat();
        assert!(malformed(&read(1, &record(ASKED, 15, &host))), "{octet}");
    }
    let (server, thread) = scripted(1, |question, _| {
        let host = [&[0, 10, 2, b'\r', b'\x1b'], ASKED].concat();
        vec![answer_to(question, FINE, 1, &record(ASKED, 15, &host))]
    });
    let mut resolver = resolver(server, NEVER_IN_A_TEST);
    let (b, us) = (domain("b.example"), domain("us.example"));
    let hops = shown(next_hops(&b, &[], &us, 25, Some(&mut resolver)));
    let is_not_now = hops.starts_with("not now: ") && hops.ends_with("cannot be read");
    assert!(is_not_now && !hops.contains(char::is_control), "{hops:?}");
    thread.join().unwrap();
}

/// MX records, compressed and not, an alias, addresses, and things to pass over.
fn long_answer(question: &[u8]) -> Vec<u8> {
    let mx = [0xc0, (FIRST + 14) as u8]; // where the first record has its mail host
    let loud = [&labels("B.EXAMPLE")[..], &[0]].concat();
    let odd = [&labels("_odd.~.\\")[..], &[0]].concat();
    let records = [
        record(ASKED, 15, &[&[0, 10], &labels("mx")[..], ASKED].concat()),
        record(&loud, 15, &[&[0, 20], ASKED].concat()),
        record(&mx, 1, &[192, 0, 2, 1]),
        record(&mx, 28, b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
        record(&odd, 5, &mx),
        record(ASKED, 15, &[0, 0, 0]),
        record(ASKED, 16, b"\x04text"),
    ];
    let mut packet = answer_to(question, FINE, 7, &records.concat());
    packet[9] = 1; // one record in the authority section
    packet.extend(record(&[0], 2, &mx));
    packet
}

#[test]
fn an_answer_is_read_with_its_compressed_names_and_odd_characters() {
    let question = question("b.example", Kind::Mx);
    let answer = question.read_answer(ID, &long_answer(&question.encode(ID)));
    let address = |text: &str| Data::Address(text.parse().unwrap());
    let alias = |text: &str| Data::Alias(text.to_string());
    let expected = [
        ("b.example", Data::Mx(10, "mx.b.example".into())),
        ("B.EXAMPLE", Data::Mx(20, "b.example".into())),
        ("mx.b.example", address("192.0.2.1")),
        ("mx.b.example", address("2001:db8::1")),
        ("_odd.~.\\", alias("mx.b.example")),
        ("b.example", Data::Mx(0, ".".into())),
        ("b.example", Data::Other),
    ];
    let Some(Answer::Records(records)) = answer else {
        panic!("{answer:?}");
    };
    let records = records
        .iter()
        .map(|it| (it.owner.as_str(), it.data.clone()));
    assert_eq!(records.collect::<Vec<_>>(), expected);
}

#[test]
fn a_record_of_another_class_is_not_about_the_internet() {
    let mx = [&[0, 10], ASKED].concat();
    let kinds: [(u16, &[u8]); 4] = [(1, &[1; 4]), (28, &[1; 16]), (5, ASKED), (15, &mx)];
    for (kind, data) in kinds {
        let mut record = record(ASKED, kind, data);
        for (class, is_other) in [(1, false), (3, true), (4, true), (255, true)] {
            record[ASKED.len() + 3] = class;
            let Some(Answer::Records(records)) = read(1, &record) else {
                panic!("type {kind}, class {class}");
            };
            let found = records[0].data == Data::Other;
            assert_eq!(found, is_other, "type {kind}, class {class}");
        }
    }
}

// Postfix 20260623: MX over-read.
#[test]
fn an_answer_cut_anywhere_is_an_error() {
    let question = question("b.example", Kind::Mx);
    let packet = long_answer(&question.encode(ID));
    for cut in 0..packet.len() {
        let answer = question.read_answer(ID, &packet[..cut]);
        assert_eq!(answer.is_none(), cut < FIRST, "cut at {cut}: {answer:?}");
        assert!(
            answer.is_none() || malformed(&answer),
            "cut at {cut}: {answer:?}"
        );
    }
}

#[test]
fn no_octet_changed_in_an_answer_makes_us_panic_or_hang() {
    let question = question("b.example", Kind::Mx);
    let packet = long_answer(&question.encode(ID));
    for at in 0..packet.len() {
        for octet in 0..=255 {
            let mut packet = packet.clone();
            packet[at] = octet;
            if let Some(Answer::Records(records)) = question.read_answer(ID, &packet) {
                let text = format!("{records:?}");
                assert!(
                    text.bytes().all(|octet| matches!(octet, b' '..=b'~')),
                    "{text}"
                );
            }
        }
    }
}

// Postfix 20260623 again: the name in an MX record ends before or behind the end of its data.
#[test]
fn data_and_its_length_must_agree() {
    let good = [&[0, 10, 2, b'm', b'x'][..], ASKED].concat();
    assert!(is_read(&read(1, &record(ASKED, 15, &good))));
    let long = [&good[..], &[0]].concat();
    let bad: [(u16, &[u8]); 10] = [
        (15, &long),
        (15, &good[..6]),
        (15, &good[..2]),
        (15, &good[..1]),
        (15, &[]),
        (1, &[192, 0, 2]),
        (1, &[192, 0, 2, 1, 0]),
        (28, &[0; 15]),
        (28, &[0; 17]),
        (5, &[]),
    ];
    for (kind, data) in bad {
        // What follows would do to go on reading.
        let records = [record(ASKED, kind, data), vec![0; 40]].concat();
        assert!(malformed(&read(1, &records)), "{kind} {data:?}");
    }
}

// sofia-sip #338: a pointer loop.
// Also Postfix HISTORY 20260623.
#[test]
fn a_pointer_leads_to_an_earlier_name_or_nowhere() {
    let here = FIRST as u8;
    let cases: [(&str, &[u8]); 6] = [
        ("to itself", &[0xc0, here]),
        ("to the label before it", &[1, b'a', 0xc0, here]),
        ("behind itself", &[0xc0, here + 2, 0]),
        ("past the end", &[0xff, 0xff]),
        ("cut in two", &[0xc0]),
        ("of a kind that is not used", &[0x40, 12]),
    ];
    for (claim, name) in cases {
        let answer = read(1, &record(name, 1, &[192, 0, 2, 1]));
        assert!(malformed(&answer), "{claim}: {answer:?}");
    }
    // Two names that point to each other, and a long way back and forth.
    let data = here + 12;
    let circle = record(&[0xc0, data], 5, &[0xc0, here]);
    assert!(malformed(&read(1, &circle)));
    let back = record(ASKED, 5, &[1, b'a', 0xc0, data]);
    assert!(malformed(&read(1, &back)), "a name that contains itself");
    // Pointers to pointers, each to an earlier one, are fine.
    let first = record(ASKED, 5, &[0xc0, here]);
    let chain = [first, record(&[0xc0, data], 1, &[1; 4])].concat();
    assert!(is_read(&read(2, &chain)));
}

#[test]
fn a_name_in_an_answer_has_at_most_255_octets() {
    for (last, good) in [(60, true), (61, true), (62, false)] {
        let name = long_name(last);
        let owner = [&labels(&name)[..], &[0]].concat();
        let answer = read(1, &record(&owner, 1, &[1; 4]));
        assert_eq!(is_read(&answer), good, "{} octets", owner.len());
        // The same in two pieces, put together by a pointer.
        let tail = record(&owner[64..], 1, &[1; 4]);
        let whole = record(&[&owner[..64], &[0xc0, FIRST as u8]].concat(), 1, &[1; 4]);
        let answer = read(2, &[tail, whole].concat());
        assert_eq!(
            is_read(&answer),
            good,
            "{} octets in two pieces",
            owner.len()
        );
    }
}

// CVE-2026-28810 OTP, Odin #4872: answers to other questions were believed.
#[test]
fn only_the_answer_to_our_question_counts() {
    let ours = question("b.example", Kind::Mx);
    let asked = ours.encode(ID);
    let good = answer_to(&asked, FINE, 0, &[]);
    let nothing = Some(Answer::Records(Vec::new()));
    assert_eq!(ours.read_answer(ID, &good), nothing);
    assert_eq!(ours.read_answer(ID ^ 1, &good), None, "another id");
    for (claim, other) in [
        ("another name", question("c.example", Kind::Mx)),
        ("another kind", question("b.example", Kind::A)),
        ("a longer name", question("b.example.org", Kind::Mx)),
    ] {
        let answer = answer_to(&other.encode(ID), FINE, 0, &[]);
        assert_eq!(ours.read_answer(ID, &answer), None, "{claim}");
    }
    assert_eq!(ours.read_answer(ID, &asked), None, "our own question");
    let inverse = answer_to(&asked, 0x8800, 0, &[]);
    assert_eq!(ours.read_answer(ID, &inverse), None, "another opcode");
    let loud = question("B.EXAMPLE", Kind::Mx).encode(ID);
    let answer = ours.read_answer(ID, &answer_to(&loud, FINE, 0, &[]));
    assert_eq!(answer, nothing, "case does not count");
    let mut two = good;
    two[5] = 2;
    assert_eq!(ours.read_answer(ID, &two), None, "two questions");
}

#[test]
fn the_result_code_says_how_it_went() {
    let ours = question("b.example", Kind::Mx);
    let read = |flags| ours.read_answer(ID, &answer_to(&ours.encode(ID), flags, 0, &[]));
    assert_eq!(read(FINE | 2), Some(Answer::Failed("server failure")));
    assert_eq!(read(FINE | 3), Some(Answer::NoSuchName));
    assert_eq!(read(FINE | 5), Some(Answer::Failed("refused")));
    assert!(matches!(read(FINE | 15), Some(Answer::Failed(_))));
    assert_eq!(read(FINE | 0x0200), Some(Answer::Truncated));
}

// --- The resolver, with a scripted one at the other end ------------------------------------------

const OVER: &str = "the time for one domain is over";
const SOON: Duration = Duration::from_millis(200);
const NEVER_IN_A_TEST: Duration = Duration::from_secs(20);

/// Answers each packet with the packets that `script` makes of it, until one question has had
/// `count` packets; returns them.
fn scripted(
    count: usize,
    script: impl Fn(&[u8], usize) -> Vec<Vec<u8>> + Send + 'static,
) -> (SocketAddr, JoinHandle<Vec<Vec<u8>>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(NEVER_IN_A_TEST)).unwrap();
    let address = socket.local_addr().unwrap();
    let thread = spawn(move || {
        let mut heard = Vec::new();
        let mut packet = [0; 512];
        while heard.len() < count {
            let (length, from) = socket.recv_from(&mut packet).unwrap();
            for answer in script(&packet[..length], heard.len()) {
                socket.send_to(&answer, from).unwrap();
            }
            heard.push(packet[..length].to_vec());
        }
        heard
    });
    (address, thread)
}

fn mx_answer(question: &[u8]) -> Vec<u8> {
    let data = [&[0, 10, 2, b'm', b'x'][..], ASKED].concat();
    answer_to(question, FINE, 1, &record(ASKED, 15, &data))
}

/// A resolver with time enough for all questions.
fn resolver(server: SocketAddr, timeout: Duration) -> Resolver {
    let deadline = Instant::now() + Duration::from_secs(3600);
    Resolver {
        server,
        timeout,
        deadline,
    }
}

/// Asks for the MX records of b.example.
fn answer(server: SocketAddr, timeout: Duration) -> Result<Vec<Record>, NoHop> {
    resolver(server, timeout).ask("b.example", Kind::Mx)
}

fn mx_record() -> Vec<Record> {
    let owner = "b.example".into();
    let data = Data::Mx(10, "mx.b.example".into());
    vec![Record { owner, data }]
}

/// Where nobody listens, Linux says so at once: there is no need to wait, and the reason is told.
#[cfg(target_os = "linux")]
#[test]
fn a_resolver_that_is_not_there_differs_from_one_that_is_silent() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = socket.local_addr().unwrap();
    drop(socket);
    let Err(NoHop::NotNow(why)) = answer(server, NEVER_IN_A_TEST) else {
        panic!("there is hope");
    };
    assert!(why.contains("refused"), "{why}");
}

// CVE-2026-28810 and Odin #4872 on the wire.
#[test]
fn packets_with_another_id_or_question_are_ignored() {
    let (server, thread) = scripted(1, |question, _| {
        let id = u16::from_be_bytes([question[0], question[1]]);
        let c_example = Question::new("c.example", Kind::Mx).unwrap();
        let false_name = answer_to(&c_example.encode(id), FINE, 0, &[]);
        let refused = other_id(answer_to(question, FINE | 5, 0, &[]));
        vec![
            Vec::new(),
            vec![0; 11],
            refused,
            false_name,
            question.to_vec(),
            mx_answer(question),
        ]
    });
    assert_eq!(answer(server, NEVER_IN_A_TEST), Ok(mx_record()));
    thread.join().unwrap();
}

#[test]
fn a_packet_from_elsewhere_is_ignored_whatever_is_in_it() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let elsewhere = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(NEVER_IN_A_TEST)).unwrap();
    let server = socket.local_addr().unwrap();
    let thread = spawn(move || {
        let mut packet = [0; 512];
        let (length, from) = socket.recv_from(&mut packet).unwrap();
        let no_such_name = answer_to(&packet[..length], FINE | 3, 0, &[]);
        elsewhere.send_to(&no_such_name, from).unwrap();
        socket.send_to(&mx_answer(&packet[..length]), from).unwrap();
    });
    assert_eq!(answer(server, NEVER_IN_A_TEST), Ok(mx_record()));
    thread.join().unwrap();
}

#[test]
fn a_hundred_guesses_are_enough() {
    for (guesses, good) in [(99, true), (100, true), (101, false)] {
        let (server, thread) = scripted(1, move |question, _| {
            let mut packets = vec![other_id(mx_answer(question)); guesses];
            packets.push(mx_answer(question));
            packets
        });
        let answer = answer(server, NEVER_IN_A_TEST);
        assert_eq!(answer == Ok(mx_record()), good, "{guesses}: {answer:?}");
        assert!(good || matches!(answer, Err(NoHop::NotNow(_))));
        thread.join().unwrap();
    }
}

#[test]
fn the_ids_of_questions_differ() {
    let (server, thread) = scripted(20, |question, _| vec![mx_answer(question)]);
    for _ in 0..20 {
        answer(server, NEVER_IN_A_TEST).unwrap();
    }
    let mut ids: Vec<Vec<u8>> = thread.join().unwrap();
    ids.iter_mut().for_each(|packet| packet.truncate(2));
    ids.sort();
    ids.dedup();
    assert!(ids.len() > 15, "{ids:?}");
}

#[test]
fn a_lost_packet_is_sent_again_as_it_was() {
    let lost = |question: &[u8], before: usize| match before {
        0 | 1 => Vec::new(),
        _ => vec![mx_answer(question)],
    };
    let (server, thread) = scripted(3, lost);
    assert_eq!(answer(server, SOON), Ok(mx_record()));
    let heard = thread.join().unwrap();
    assert!(
        heard.iter().all(|packet| *packet == heard[0]),
        "the answer to the first will do"
    );
}

#[test]
fn a_silent_resolver_is_asked_three_times_and_then_it_is_not_now() {
    at_two_paces(|timeout| {
        let times = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&times);
        let (server, thread) = scripted(3, move |_, _| {
            heard.lock().unwrap().push(Instant::now());
            Vec::new()
        });
        let begin = Instant::now();
        let answer = answer(server, timeout);
        let end = Instant::now();
        assert_eq!(thread.join().unwrap().len(), 3);
        let text = format!("asked {server} for the MX records of b.example: no answer came");
        assert_eq!(answer, Err(NoHop::NotNow(text)));
        // Each time we wait twice as long. A busy machine adds a little: 3 times that is allowed.
        let times = times.lock().unwrap();
        assert!(times[1] - begin >= timeout && times[2] - begin >= 3 * timeout);
        assert!(end - begin >= 7 * timeout && end - begin < 10 * timeout);
    });
}

#[test]
fn a_long_timeout_of_the_user_does_not_make_the_resolver_wait_longer() {
    let server = "127.0.0.1:1".parse().unwrap();
    let now = Instant::now();
    let seconds = Duration::from_secs;
    let most = Some(seconds(u32::MAX.into()));
    for (timeout, first_wait) in [
        (None, 2000),
        (Some(Duration::from_millis(100)), 100),
        (Some(Duration::from_millis(1999)), 1999),
        (Some(seconds(2)), 2000),
        (Some(Duration::from_millis(2001)), 2000),
        (Some(seconds(600)), 2000),
        (most, 2000),
    ] {
        let expected = Resolver {
            server,
            timeout: Duration::from_millis(first_wait),
            deadline: now + seconds(60),
        };
        assert_eq!(Resolver::new(server, timeout, now), expected, "{timeout:?}");
    }
}

#[test]
fn at_the_deadline_a_question_ends_and_after_it_none_is_asked() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = silent.local_addr().unwrap();
    let begin = Instant::now();
    let mut resolver = Resolver {
        deadline: begin + SOON,
        ..resolver(server, NEVER_IN_A_TEST)
    };
    for name in ["in-time.example", "late.example", "later.example"] {
        let answer = resolver.ask(name, Kind::Mx);
        let text = format!("asked {server} for the MX records of {name}: {OVER}");
        assert_eq!(answer, Err(NoHop::NotNow(text)));
        let took = begin.elapsed();
        assert!(SOON <= took && took < NEVER_IN_A_TEST, "{took:?}");
    }
    resolver.deadline = Instant::now() + SOON;
    assert!(resolver.ask("again.example", Kind::A).is_err());
    // What was sent is here: on this computer nothing is on the way.
    silent.set_nonblocking(true).unwrap();
    let (mut names, mut packet) = (Vec::new(), [0; 512]);
    while let Ok(length) = silent.recv(&mut packet) {
        names.push(asked(&packet[..length]).0);
    }
    // A system that wakes us a moment before the deadline lets us ask once more.
    names.dedup();
    assert_eq!(names, ["in-time.example", "again.example"]);
}

#[test]
fn the_deadline_holds_over_tcp_too() {
    let (server, thread) = cut_short(|_, stream| {
        // It waits until we give up.
        let _ = stream.read(&mut [0]);
    });
    let begin = Instant::now();
    let mut resolver = Resolver {
        deadline: begin + SOON,
        ..resolver(server, NEVER_IN_A_TEST)
    };
    let answer = resolver.ask("b.example", Kind::Mx);
    assert!(matches!(answer, Err(NoHop::NotNow(_))), "{answer:?}");
    assert!(begin.elapsed() < NEVER_IN_A_TEST);
    join(server, thread);
}

#[test]
fn what_the_resolver_says_decides_between_never_and_not_now() {
    for (flags, count, no_hop, words) in [
        (
            FINE | 3,
            0,
            NoHop::Never as fn(String) -> NoHop,
            "there is no such name",
        ),
        (FINE | 2, 0, NoHop::NotNow, "server failure"),
        (FINE | 5, 0, NoHop::NotNow, "refused"),
        (FINE, 1, NoHop::NotNow, "the answer cannot be read"),
    ] {
        let (server, thread) = scripted(1, move |question, _| {
            vec![answer_to(question, flags, count, &[])]
        });
        // A program that reads the bounce finds the status code (RFC 3463).
        let status = if flags == FINE | 3 { "5.1.2 " } else { "" };
        let text = format!("{status}asked {server} for the MX records of b.example: {words}");
        assert_eq!(answer(server, NEVER_IN_A_TEST), Err(no_hop(text)));
        thread.join().unwrap();
    }
}

#[test]
fn nobody_at_the_resolvers_port_is_not_now() {
    // Connected to itself, a socket takes packets from nobody else.
    let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = deaf.local_addr().unwrap();
    deaf.connect(server).unwrap();
    let answer = answer(server, Duration::from_millis(10));
    assert!(matches!(answer, Err(NoHop::NotNow(_))), "{answer:?}");
}

/// A resolver whose UDP answers are cut short, and whose TCP side does what `script` says with the
/// question and the connection.
fn cut_short(
    script: impl Fn(Vec<u8>, &mut TcpStream) + Send + 'static,
) -> (SocketAddr, JoinHandle<()>) {
    let (udp, tcp) = bind();
    udp.set_read_timeout(Some(NEVER_IN_A_TEST)).unwrap();
    let address = tcp.local_addr().unwrap();
    let thread = spawn(move || {
        let mut packet = [0; 512];
        let (length, from) = udp.recv_from(&mut packet).unwrap();
        let cut = answer_to(&packet[..length], FINE | 0x0200, 0, &[]);
        udp.send_to(&cut, from).unwrap();
        let (mut stream, _) = tcp.accept().unwrap();
        stream.set_read_timeout(Some(NEVER_IN_A_TEST)).unwrap();
        let mut size = [0; 2];
        stream.read_exact(&mut size).unwrap();
        let mut question = vec![0; u16::from_be_bytes(size).into()];
        stream.read_exact(&mut question).unwrap();
        script(question, &mut stream);
    });
    (address, thread)
}

/// Waits for the end of such a resolver, also if nobody called its TCP side.
fn join(server: SocketAddr, thread: JoinHandle<()>) {
    let _ = TcpStream::connect(server);
    thread.join().unwrap();
}

fn send_over_tcp(packet: &[u8], stream: &mut TcpStream) {
    let size = (packet.len() as u16).to_be_bytes();
    // Octet by octet: the answer may come in any pieces.
    stream.set_nodelay(true).unwrap();
    for octet in [&size[..], packet].concat() {
        stream.write_all(&[octet]).unwrap();
    }
}

#[test]
fn an_answer_that_is_too_long_for_udp_comes_over_tcp() {
    let (server, thread) = cut_short(|question, stream| {
        let data = [&[0, 10, 2, b'm', b'x'][..], ASKED].concat();
        let records = record(ASKED, 15, &data).repeat(200);
        send_over_tcp(&answer_to(&question, FINE, 200, &records), stream);
    });
    let all = vec![mx_record(); 200].concat();
    assert_eq!(answer(server, NEVER_IN_A_TEST), Ok(all));
    join(server, thread);
}

#[test]
fn the_ids_of_questions_over_tcp_differ_too() {
    let ids = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..10 {
        let heard = Arc::clone(&ids);
        let (server, thread) = cut_short(move |question, stream| {
            heard.lock().unwrap().push(question[..2].to_vec());
            send_over_tcp(&mx_answer(&question), stream);
        });
        assert_eq!(answer(server, NEVER_IN_A_TEST), Ok(mx_record()));
        join(server, thread);
    }
    let mut ids = ids.lock().unwrap();
    ids.sort();
    ids.dedup();
    assert!(ids.len() > 7, "{ids:?}");
}

#[test]
fn trouble_over_tcp_is_not_now() {
    type Script = fn(Vec<u8>, &mut TcpStream);
    let scripts: [(&str, Script); 5] = [
        ("closed at once", |_, _| {}),
        ("closed in the middle", |_, stream| {
            stream.write_all(&[0, 40, 1]).unwrap()
        }),
        ("empty", |_, stream| stream.write_all(&[0, 0]).unwrap()),
        ("another id", |question, stream| {
            send_over_tcp(&other_id(mx_answer(&question)), stream)
        }),
        ("cut short again", |question, stream| {
            send_over_tcp(&answer_to(&question, FINE | 0x0200, 0, &[]), stream);
        }),
    ];
    for (claim, script) in scripts {
        let (server, thread) = cut_short(script);
        let answer = answer(server, NEVER_IN_A_TEST);
        assert!(
            matches!(answer, Err(NoHop::NotNow(_))),
            "{claim}: {answer:?}"
        );
        join(server, thread);
    }
}

#[test]
fn a_resolver_that_stalls_over_tcp_does_not_hold_us() {
    let (server, thread) = cut_short(|_, stream| {
        // It waits until we give up.
        let _ = stream.read(&mut [0]);
    });
    let begin = Instant::now();
    let answer = answer(server, Duration::from_millis(50));
    assert!(matches!(answer, Err(NoHop::NotNow(_))), "{answer:?}");
    assert!(begin.elapsed() < NEVER_IN_A_TEST);
    join(server, thread);
}

#[test]
fn from_a_domain_to_an_address_over_real_sockets() {
    let (server, thread) = scripted(3, |question, before| {
        vec![match before {
            0 => mx_answer(question),
            1 => answer_to(question, FINE, 1, &record(ASKED, 1, &[192, 0, 2, 1])),
            _ => answer_to(question, FINE, 0, &[]),
        }]
    });
    let mut resolver = resolver(server, NEVER_IN_A_TEST);
    let us = domain("us.example");
    let hops = next_hops(&domain("b.example"), &[], &us, 25, Some(&mut resolver));
    assert_eq!(shown(hops), "mx.b.example=192.0.2.1:25");
    thread.join().unwrap();
}
