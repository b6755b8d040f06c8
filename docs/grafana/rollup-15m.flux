// A task for InfluxDB 2: every 15 minutes, the least, greatest and mean temperature and how many
// readings, in degC, into the bucket coldwatch_15m. Rejected readings have no `value` and count
// for nothing. Each run makes the last day anew, for a device that was cut off brings its readings
// later: a roll-up made once would leave them out for ever.
import "date"

option task = {name: "coldwatch 15 minutes", every: 15m, offset: 1m}

readings =
    from(bucket: "coldwatch")
        |> range(start: date.truncate(t: date.sub(d: 1d, from: now()), unit: 15m))
        |> filter(fn: (r) => r._measurement == "reading" and r.quantity == "temperature")
        |> filter(fn: (r) => r._field == "value")
        |> group(columns: ["site", "asset", "point", "quantity"])
        |> map(fn: (r) => ({r with _value: float(v: r._value) / 1000.0}))

rolled = (name, fn) =>
    readings
        |> aggregateWindow(every: 15m, fn: fn, createEmpty: false, timeSrc: "_start")
        |> map(fn: (r) => ({r with _value: float(v: r._value), _field: name, _measurement: "reading_15m"}))
        |> to(bucket: "coldwatch_15m", tagColumns: ["site", "asset", "point", "quantity"])

rolled(name: "min", fn: min) |> yield(name: "min")
rolled(name: "max", fn: max) |> yield(name: "max")
rolled(name: "mean", fn: mean) |> yield(name: "mean")
rolled(name: "count", fn: count) |> yield(name: "count")
