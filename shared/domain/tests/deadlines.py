"""Counts the deadlines of deadlines.txt day by day.

Each line says what happened to a case: item, branch, the day on which it is looked at | day, step, what it was about,
stage after it, … From that, the item's file and the calendar this script counts the deadlines one day after the other
and writes them behind a second bar. The crate computes them span by span and in another language; its test
`case::deadlines` compares the two. Python 3.11, no packages: python3 shared/domain/tests/deadlines.py
"""

import datetime
import pathlib
import tomllib

HERE = pathlib.Path(__file__).parent
SAMPLE = HERE / "../../../tests/sample"
DAY = datetime.timedelta(days=1)


class Unknown(Exception):
    """The calendar lacks the year."""


def read(path):
    return tomllib.loads((SAMPLE / path).read_text())


YEARS = {year["year"]: year for year in read("calendar/cn-workdays.toml")["year"]}
OFF = {
    entry["from"] + DAY * number
    for year in YEARS.values()
    for entry in year["break"]
    for number in range((entry["to"] - entry["from"]).days + 1)
}
MADE_UP = {day for year in YEARS.values() for entry in year["break"] for day in entry["makeup_workdays"]}
DEFAULTS = read("catalogue/defaults.toml")


def counts(day, unit):
    if unit == "自然日":
        return True
    if day.year not in YEARS:
        raise Unknown
    return day not in OFF and (day in MADE_UP or day.weekday() < 5)


def use_up(start, limit, today, state_on):
    """The day on which a limit is used up. `state_on` says of a day "runs", "stands" or "outside"."""
    if limit["unit"] == "当场":
        return start
    left, last, day = limit["days"], start, start
    while day < today:
        day += DAY
        state = state_on(day)
        if state == "stands":
            last = day
        elif state == "runs":
            if left == 0:
                # It has ended, on whatever day it runs on; nothing that stops the clock later brings it back.
                return last
            left -= counts(day, limit["unit"])
            last = day
    while left > 0:
        last += DAY
        left -= counts(last, limit["unit"])
    return last


class Case:
    def __init__(self, head, events):
        code, self.branch, today = head.split()
        self.item = read(f"catalogue/items/{code}.toml")
        self.today = datetime.date.fromisoformat(today)
        rows = [event.split(" ") for event in events.split(",")]
        rows = [(datetime.date.fromisoformat(day), step, about, stage) for day, step, about, stage in rows]
        # The easier procedure has its own promise from the day on which it was chosen; the first variant is walked.
        if any(step == "variant_chosen" for _, step, _, _ in rows):
            self.item["limits"]["promised"] = self.item["variant"][0]["promised"]
        self.extended_on = [day for day, step, _, _ in rows if step == "extended"]
        self.steps = [row for row in rows if row[1] != "extended"]
        self.stages = {stage["id"]: stage for stage in self.item["stage"]}
        self.received = max(at for at, step in enumerate(self.steps) if self.restarts(step))
        accepted = [at for at, step in enumerate(self.steps) if step[1] == "accepted"]
        decided = [at for at, step in enumerate(self.steps) if step[1] in ("decided", "tacitly_approved")]
        self.accepted = accepted[-1] if accepted else decided[0] if decided else None
        deemed = self.accepted is not None and self.steps[self.accepted][2] == "deemed"
        self.begun = self.received if deemed else self.accepted

    def restarts(self, step):
        _, name, about, _ = step
        if name in ("submitted", "correction_supplied"):
            return True
        prepares = name in ("stage_finished", "publicity_ended") and about in self.stages
        return prepares and self.stages[about]["link"] == "申请" and about != "apply"

    def before(self, day):
        """The last step before a day: the state in which the case was on it."""
        return max(at for at, step in enumerate(self.steps) if step[0] < day)

    def suspended(self, at):
        last = [step[1] for step in self.steps[: at + 1] if step[1] in ("suspended", "resumed", "tacitly_approved")]
        return bool(last) and last[-1] == "suspended"

    def ready(self, at):
        """The answer was ready to be handed over, or the route had ended."""
        return any(step[3] in ("deliver", "") for step in self.steps[: at + 1])

    def answered(self, at):
        for number, step in enumerate(self.steps[: at + 1]):
            if step[1] == "tacitly_approved":
                return True
            if step[1] == "decided":
                ids = [stage["id"] for stage in self.item["stage"]]
                rest = ids[ids.index(step[3]) :] if step[3] else []
                if not any(self.stages[stage]["link"] == "批准" for stage in rest):
                    return True
        return False

    def pausing(self, stage):
        return any(special["stage"] == stage and special["clock"] == "暂停" for special in self.item.get("special", []))

    def promised_on(self, day):
        at = self.before(day)
        if self.begun is None or at < self.begun or self.ready(at):
            return "outside"
        if at < self.accepted:
            return "runs"
        stage = self.stages[self.steps[at][3]]
        return "runs" if stage["counted"] and not self.suspended(at) else "stands"

    def statutory_on(self, day):
        at = self.before(day)
        if self.ready(at) or self.answered(at):
            return "outside"
        if self.begun is None or at < self.begun:
            early = "statutory_from" in self.item["limits"] and at >= self.received
            return "runs" if early else "outside"
        if at < self.accepted:
            return "runs"
        stage = self.steps[at][3]
        stands = self.suspended(at) or (not self.stages[stage]["counted"] and self.pausing(stage))
        return "stands" if stands else "runs"

    def extension(self):
        own = self.item["limits"].get("extension")
        if own:
            return own
        return DEFAULTS["joint"]["extension"] if self.item["case_type"] == "联办件" else None

    def deadline(self, start, limit, state_on):
        """With the extension, where there is one in time."""
        plain = use_up(start, limit, self.today, state_on)
        begun = self.steps[self.begun][0]
        promise = self.item["limits"]["promised"]
        by = self.extension()
        in_time = [day for day in self.extended_on if day <= use_up(begun, promise, day, self.promised_on)]
        if by is None or not in_time:
            return plain
        return use_up(plain, by, plain, state_on)

    def results(self):
        limits = self.item["limits"]
        received = self.steps[self.received][0]
        begun = None if self.begun is None else self.steps[self.begun][0]

        def told(start, limit, state_on):
            if start is None or limit is None:
                return "-"
            try:
                return str(self.deadline(start, limit, state_on))
            except Unknown:
                return "?"

        promised = told(begun, limits["promised"], self.promised_on)
        from_receipt = "statutory_from" in limits
        statutory = told(received if from_receipt else begun, limits.get("statutory"), self.statutory_on)
        joint = DEFAULTS["joint"]["limit"] if self.item["case_type"] == "联办件" else None
        joint = told(begun, joint, self.statutory_on)
        used = 0
        day = self.steps[0][0]
        unit = limits["promised"]["unit"]
        while day < self.today and unit != "当场":
            day += DAY
            used += self.promised_on(day) == "runs" and counts(day, unit)
        used = "-" if "?" in (promised, statutory, joint) else used
        date = lambda text: "-" if text == "?" else text
        return (
            f"received {received} accepted {begun or '-'} promised {date(promised)} "
            f"statutory {date(statutory)} joint {date(joint)} used {used}"
        )


def main():
    table = HERE / "deadlines.txt"
    lines = []
    for line in table.read_text().splitlines():
        head, events, *_ = line.split(" | ")
        lines.append(f"{head} | {events} | {Case(head, events).results()}\n")
    table.write_text("".join(lines))


if __name__ == "__main__":
    main()
