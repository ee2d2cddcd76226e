-- The work of the benchmark in PostgreSQL: one function call is one transaction.
CREATE TABLE near (city int, place int, donor int, PRIMARY KEY (city, place));
CREATE TABLE given (city int, kind int, units int, floor int);
CREATE TABLE stock (kind int, city int, units int NOT NULL, floor int NOT NULL, base int NOT NULL, PRIMARY KEY (kind, city)) WITH (fillfactor = 50);
CREATE TABLE requests (id bigint PRIMARY KEY, city int, kind int, asked int, covered int, legs int);
CREATE TABLE legs (id bigint, leg int, donor int, units int, kind int, city int, state text, PRIMARY KEY (id, leg));

-- Looks without locks for as many of the nearest as are enough, locks only those, in the order of their numbers so that two calls
-- never wait for each other, and takes from them what is there by then.
CREATE FUNCTION dispatch(p_city int, p_kind int, p_units int, p_id bigint) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
    answer int[];
    donors int[] := '{}';
    found_units int := 0;
    open_units int := p_units;
    had int;
    n int := 0;
    d int;
BEGIN
    SELECT ARRAY[asked, covered] INTO answer FROM requests WHERE id = p_id;
    IF FOUND THEN
        RETURN answer || coalesce((SELECT array_agg(x ORDER BY leg, o) FROM legs, LATERAL (VALUES (1, donor), (2, units)) v(o, x) WHERE id = p_id), '{}');
    END IF;
    answer := ARRAY[p_units, 0];
    FOR d IN SELECT donor FROM near WHERE city = p_city ORDER BY place LOOP
        SELECT units - floor INTO had FROM stock WHERE kind = p_kind AND city = d;
        IF had > 0 THEN
            donors := donors || d;
            found_units := found_units + had;
        END IF;
        EXIT WHEN found_units >= p_units;
    END LOOP;
    IF cardinality(donors) > 1 THEN
        PERFORM 1 FROM stock WHERE kind = p_kind AND city = ANY (donors) ORDER BY city FOR UPDATE;
    END IF;
    FOREACH d IN ARRAY donors LOOP
        SELECT least(units - floor, open_units) INTO had FROM stock WHERE kind = p_kind AND city = d FOR UPDATE;
        IF had > 0 THEN
            n := n + 1;
            open_units := open_units - had;
            UPDATE stock SET units = units - had WHERE kind = p_kind AND city = d;
            INSERT INTO legs VALUES (p_id, n, d, had, p_kind, p_city, 'reserved');
            answer := answer || d || had;
        END IF;
    END LOOP;
    answer[2] := p_units - open_units;
    INSERT INTO requests VALUES (p_id, p_city, p_kind, p_units, p_units - open_units, n);
    RETURN answer;
END $$;

CREATE FUNCTION refill(p_kind int) RETURNS int[] LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM stock WHERE kind = p_kind ORDER BY city FOR UPDATE;
    UPDATE stock SET units = base WHERE kind = p_kind;
    RETURN '{}';
END $$;
