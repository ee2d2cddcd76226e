#!/usr/bin/env python3
"""Makes the import files of the demo from the public records in source/. Run it after changing a source or the rule below; a
test compares what it writes with what is in the tree.

The rule for reserves that no public record holds: of each supply kind that hospitals asked for, every city has one unit for
every RESIDENTS_PER_UNIT residents and keeps half of it for itself."""
import csv
import pathlib
import sys

RESIDENTS_PER_UNIT = 400
here = pathlib.Path(__file__).parent
out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here


def rows(name):
    with open(here / "source" / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(name, header, lines):
    with open(out / name, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(lines)


cities, kinds, demands = rows("cities.csv"), rows("kinds.csv"), rows("demands-hubei-2020.csv")
supplies = {kind["code"] for kind in kinds if kind["class"] == "supply"}
provinces = {}
for city in cities:
    provinces.setdefault(city["code"][:2] + "0000", city["province"])

# A province is a region under one root; neighbours are cities within four hours; help inside the country is committed at once.
write("regions.csv", ["id", "name", "parent", "neighbour_minutes", "agreement"],
      [["CN", "全国", "", "", "auto"]] + [[code, name, "CN", 240, ""] for code, name in sorted(provinces.items())])
write("cities.csv", ["code", "name", "name_en", "region", "lat", "lon", "population"],
      [[c["code"], c["name"], c["name_en"], c["code"][:2] + "0000", c["lat"], c["lon"], c["population"]] for c in cities])
write("kinds.csv", ["code", "name", "name_en", "class", "unit", "category"],
      [[k["code"], k["name_zh"] or k["name_en"], k["name_en"], k["class"], k["unit"], k["category"]] for k in kinds])
write("reserves.csv", ["city", "kind", "quantity", "source"],
      [[s["city_code"], s["item_kind"], s["quantity"], f'{s["holder"]} ({s["as_of"]}, {s["source"]})'] for s in rows("stock.csv")])
write("requests.csv", ["id", "city", "kind", "quantity", "priority", "incident"],
      [[f"hubei-2020-{n:03}", d["city_code"], d["item_kind"], d["quantity"], 2, "hubei-2020"]
       for n, d in enumerate(sorted(demands, key=lambda d: d["date"]), 1)])
asked = sorted({d["item_kind"] for d in demands} & supplies)
shares = [(c["code"], k, int(c["population"]) // RESIDENTS_PER_UNIT) for c in cities for k in asked]
write("rule-stock.csv", ["city", "kind", "quantity", "source"],
      [[city, kind, units, f"rule: 1 per {RESIDENTS_PER_UNIT} residents"] for city, kind, units in shares if units])
write("rule-floors.csv", ["city", "kind", "floor"], [[city, kind, units - units // 2] for city, kind, units in shares if units])
