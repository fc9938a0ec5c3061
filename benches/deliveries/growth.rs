//! Measures the cost of a delivery as three things grow: workers, the backlog, and subscriptions to each event.

use std::path::Path;

use crate::{
    backlog::Backlog,
    place::Place,
    plot::{self, Curve, Panel},
    receiver::Receiver,
    report::{self, Line, grouped},
};

/// The path of the plot in the repository.
const PLOT: &str = "docs/growth.svg";

/// One quantity that grows while everything else stays the same.
struct Growth {
    title: &'static str,
    axis: &'static str,
    steps: [Option<(usize, Backlog)>; 3],
}

const fn of(workers: usize, events: usize, subscriptions: usize) -> Backlog {
    Backlog { workers, ..Backlog::new(events, subscriptions) }
}

const GROWTHS: [Growth; 3] = [
    Growth {
        title: "Worker processes, 20,000 deliveries",
        axis: "worker processes, 20,000 deliveries",
        steps: [Some((1, of(1, 20_000, 1))), Some((2, of(2, 20_000, 1))), None],
    },
    Growth {
        title: "Deliveries that wait, one worker",
        axis: "deliveries waiting, one worker",
        steps: [Some((2_000, of(1, 2_000, 1))), Some((20_000, of(1, 20_000, 1))), Some((200_000, of(1, 200_000, 1)))],
    },
    Growth {
        title: "Subscriptions to each event, 50,000 deliveries, one worker",
        axis: "subscriptions to each event",
        steps: [Some((10, of(1, 5_000, 10))), Some((100, of(1, 500, 100))), Some((1_000, of(1, 50, 1_000)))],
    },
];

/// Prints a table for each growing quantity, and draws the plot.
pub(crate) async fn measure(places: &[Place], rounds: usize, receiver: &Receiver) -> anyhow::Result<()> {
    let places: Vec<Place> = places.iter().copied().filter(|place| *place != Place::Redis).collect();
    let mut columns = Vec::new();
    for growth in GROWTHS {
        let mut found = Vec::new();
        for (step, backlog) in growth.steps.into_iter().flatten() {
            found.push((grouped(step), backlog.measure(&places, rounds, receiver).await?));
        }
        let (axis, steps) = (growth.axis, found.iter().map(|(step, _)| step.clone()).collect());
        columns.push((axis, steps, curves(&found)));
        let named = |(step, lines): (String, Vec<Line>)| {
            let name = move |line: Line| Line { what: format!("{step}: {}", line.what), ..line };
            lines.into_iter().map(name)
        };
        report::rates(growth.title, &found.into_iter().flat_map(named).collect::<Vec<_>>());
    }
    if places.contains(&Place::Postgres) {
        let panels = columns.into_iter().flat_map(|(axis, steps, curves): (_, Vec<String>, [Vec<Curve>; 3])| {
            curves.map(|curves| Panel { axis, steps: steps.clone(), curves })
        });
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(PLOT);
        std::fs::write(&file, plot::draw(&panels.collect::<Vec<_>>()))?;
        println!("\n{PLOT} is drawn");
    } else {
        println!("\n{PLOT} stays as it is: it shows PostgreSQL as well");
    }
    Ok(())
}

/// For each of the plot's rows, a curve of each place.
fn curves(found: &[(String, Vec<Line>)]) -> [Vec<Curve>; 3] {
    let figures: [fn(&Line) -> Option<f64>; 3] =
        [|line| Some(line.rate), |line| Some(line.cpu.iter().sum()), |line| line.memory];
    let first = found.first().map_or(&[][..], |(_, lines)| lines);
    figures.map(|figure| {
        let curve = |(index, line): (usize, &Line)| {
            let points = found.iter().map(|(_, lines)| lines.get(index).and_then(figure));
            Some(Curve { name: line.what.clone(), points: points.collect::<Option<Vec<_>>>()? })
        };
        first.iter().enumerate().filter_map(curve).collect()
    })
}
