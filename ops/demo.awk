# The duty officer's table, from the CSV of kinds, cities, requests and dispatches (in this order). Names stand last in a line,
# so that wide characters move no column. Fields used here never hold a comma.
FNR == 1 { file++; delete at; for (i = 1; i <= NF; i++) at[$i] = i; next }
file == 1 { kind_name[$1] = $2; class[$1] = $0 ~ /,equipment,/ ? "equipment" : "supply"; next }
file == 2 { city_name[$1] = $2; next }
file == 3 {
    kind = $at["kind"]; id = $at["id"]
    if (!(kind in asked)) order[++kinds] = kind
    asked[kind] += $at["quantity"]; covered[kind] += $at["covered"]; open[kind] += $at["open"]
    if ($at["open"] > 0) waiting[kind]++
    next
}
file == 4 {
    kind = $at["kind"]; donor = $at["donor"]; minutes = $at["minutes"]
    legs++
    units[kind] += $at["quantity"]; unit_minutes[kind] += $at["quantity"] * minutes
    if (minutes > slowest[kind]) { slowest[kind] = minutes; slowest_from[kind] = donor }
    if (!((kind, donor) in seen)) { seen[kind, donor] = 1; donors[kind]++ }
    given[donor]++
    next
}
END {
    printf "%-6s %10s %10s %8s %7s %9s %9s  %s\n", "kind", "asked", "covered", "open", "donors", "mean way", "longest", "name; slowest donor"
    for (i = 2; i <= kinds; i++) {  # largest first
        k = order[i]
        for (j = i - 1; j >= 1 && asked[order[j]] < asked[k]; j--) order[j + 1] = order[j]
        order[j + 1] = k
    }
    for (i = 1; i <= kinds; i++) {
        k = order[i]
        total_asked += asked[k]; total_covered += covered[k]
        if (class[k] == "equipment") { machines++; continue }
        printf "%-6s %10d %10d %8d %7d %8s %9s  %s%s\n", k, asked[k], covered[k], open[k], donors[k], way(units[k] ? unit_minutes[k] / units[k] : 0), way(slowest[k]), kind_name[k], slowest[k] ? "; " city_name[slowest_from[k]] : ""
        if (open[k] > 0) short_kinds = short_kinds " " k
    }
    printf "\n%d units asked for, %d covered (%.1f %%) by %d legs from %d cities.\n", total_asked, total_covered, 100 * total_covered / total_asked, legs, count(given)
    if (short_kinds != "") print "Open because every city within reach is down to its floor:" short_kinds "."
    if (machines) printf "%d kinds of equipment were asked for too; they are matched as assets, of which these records hold none.\n", machines
}
function way(minutes) { return minutes >= 60 ? sprintf("%dh%02d", minutes / 60, minutes % 60) : sprintf("%d min", minutes) }
function count(list,   n, i) { for (i in list) n++; return n }
