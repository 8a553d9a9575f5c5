"""Finds the date of a document: of the dates in its text the first that is one."""

import datetime
import re

from twinleaf_plugin import Plugin, text

plugin = Plugin("example.dates", "1.0.0", summary="finds the date of a document", license="MIT")

MONTHS = {}
for number, names in enumerate((
    "january januar janvier enero jan", "february februar fevrier février febrero feb", "march märz maerz mars marzo mar",
    "april avril abril apr", "may mai mayo", "june juni juin junio jun", "july juli juillet julio jul",
    "august aout août agosto aug", "september septembre septiembre sep sept", "october oktober octobre octubre oct okt",
    "november novembre noviembre nov", "december dezember decembre décembre diciembre dec dez",
), start=1):
    for name in names.split():
        MONTHS[name] = number

# 2025-03-14; 14 March 2025, 14. März 2025; March 14, 2025; 14.03.2025, 14/3/2025 (or 3/14/2025, see dayFirst).
ISO = re.compile(r"(?<!\d)(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?!\d)")
DAY_MONTH = re.compile(r"(?<!\d)(?P<d>\d{1,2})(?:\.|st|nd|rd|th)? +(?:de +)?(?P<month>[^\W\d_]+)\.?,? +(?:de +)?(?P<y>\d{4})(?!\d)")
MONTH_DAY = re.compile(r"(?P<month>[^\W\d_]+)\.? +(?P<d>\d{1,2})(?:st|nd|rd|th)?,? +(?P<y>\d{4})(?!\d)")
NUMBERS = re.compile(r"(?<!\d)(?P<a>\d{1,2})(?P<sep>[./])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4})(?!\d)")


def dates(words, day_first=True):
    """All dates of a text in the order in which they stand there."""
    found = []
    for pattern in (ISO, DAY_MONTH, MONTH_DAY, NUMBERS):
        for match in pattern.finditer(words):
            date = date_of(match.groupdict(), day_first)
            if date:
                found.append((match.start(), date))
    return [date for _, date in sorted(found)]


def date_of(part, day_first):
    """The date that a match means; None: there is no such day."""
    if "month" in part:
        month, day = MONTHS.get(part["month"].lower()), int(part["d"])
    elif "a" in part:
        first, second = int(part["a"]), int(part["b"])
        if day_first or part["sep"] == "." or first > 12:
            day, month = first, second
        else:
            month, day = first, second
    else:
        month, day = int(part["m"]), int(part["d"])
    try:
        return datetime.date(int(part["y"]), month or 0, day)
    except ValueError:
        return None


@plugin.indexer(settings={
    "field": {"type": "string", "default": "date", "description": "what the date is called"},
    "dayFirst": {"type": "boolean", "default": True, "description": "3/4/2025 is the third of April"},
})
def index(call, request, settings):
    for number, file in enumerate(request["texts"]):
        call.check()
        found = dates(text(call.load(file)), settings["dayFirst"])
        if found:
            call.log.info("found a date on page %d", number + 1)
            return {"fields": {settings["field"]: found[0].isoformat()}}
        call.progress((number + 1) / len(request["texts"]))
    return {"fields": {}}
