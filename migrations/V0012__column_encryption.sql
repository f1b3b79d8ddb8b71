-- unisys:owner app_owner
-- Sensitive values are stored encrypted (OpenPGP, AES-256, by pgcrypto). The key is 32 random bytes as text (`openssl rand
-- -base64 32`), is given for each transaction as a *bound* parameter, and is stored nowhere here:
--     select set_config('app.encryption_key', $1, true)
-- A literal in SET would stay in pg_stat_activity and in logs. Bound parameters are logged, too, where log_statement or a
-- duration limit logs the statement: the logins that send keys have log_parameter_max_length = 0 (the policy sets it).
--
-- Without a key: writing is an error, reading gives null ("not available"). With another key than the value's: an error that
-- names both keys' ids, which are 8 hex digits of an HMAC and say nothing about a random key.
-- Rotation: set app.encryption_key to the new key and app.previous_encryption_key to the old one, and call
-- app.rotate_ciphertexts() in short transactions until it returns 0. Readers with both keys go on meanwhile.

create domain app.ciphertext as text
    constraint ciphertext_check check (value ~ '^[0-9a-f]{8}:[A-Za-z0-9+/=]+$');
comment on domain app.ciphertext is 'An encrypted value: the id of its key, and an OpenPGP message in Base64';

create function app.key_id(key text) returns text
    language sql immutable
    set search_path = pg_catalog, pg_temp
as $$
    select left(encode(public.hmac('unisys column key', key, 'sha256'), 'hex'), 8)
$$;
comment on function app.key_id(text) is 'How a key is called in the values it encrypted';

create function app.encrypt(plain text) returns app.ciphertext
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
declare
    key text := app.setting('encryption_key');
begin
    if plain is null then
        return null;
    end if;
    if key is null then
        raise exception 'there is no key to encrypt with' using errcode = 'invalid_parameter_value',
            hint = 'Give it to this transaction: set_config(''app.encryption_key'', $1, true), as a bound parameter.';
    end if;
    if length(key) < 32 then
        raise exception 'the key to encrypt with is too short' using errcode = 'invalid_parameter_value',
            hint = 'It is random, of at least 32 characters: openssl rand -base64 32.';
    end if;
    -- The key is random: nothing is gained by stretching it, as is done for passwords.
    return app.key_id(key) || ':' || translate(encode(public.pgp_sym_encrypt(plain, key,
        'cipher-algo=aes256, s2k-cipher-algo=aes256, s2k-digest-algo=sha1, s2k-count=1024, compress-algo=0'), 'base64'), E'\n', '');
end
$$;
comment on function app.encrypt(text) is 'The value encrypted with the key of this transaction; an error without one';

create function app.decrypt(value app.ciphertext) returns text
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
as $$
declare
    known text[] := array_remove(array[app.setting('encryption_key'), app.setting('previous_encryption_key')], null);
    key text;
begin
    if value is null or known = '{}' then
        return null;
    end if;
    foreach key in array known loop
        if app.key_id(key) = split_part(value, ':', 1) then
            return public.pgp_sym_decrypt(decode(split_part(value, ':', 2), 'base64'), key);
        end if;
    end loop;
    raise exception 'the value was encrypted with key %, not with %', split_part(value, ':', 1),
        (select string_agg(app.key_id(k), ' or ') from unnest(known) as k) using errcode = 'invalid_parameter_value';
end
$$;
comment on function app.decrypt(app.ciphertext) is 'The value in clear; null without a key, an error with a wrong one';

create function app.rotate_ciphertexts(max_rows integer default 1000) returns bigint
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    new_id text := app.key_id(app.setting('encryption_key'));
    place record;
    done bigint := 0;
    rows bigint;
begin
    if new_id is null or app.setting('previous_encryption_key') is null then
        raise exception 'a rotation needs app.encryption_key and app.previous_encryption_key'
            using errcode = 'invalid_parameter_value';
    end if;
    for place in
        select a.attrelid::regclass as relation, quote_ident(a.attname) as col
        from pg_attribute as a
        join pg_class as c on c.oid = a.attrelid and c.relkind = 'r'
        where a.atttypid = 'app.ciphertext'::regtype and not a.attisdropped
        order by 1, 2
    loop
        exit when done >= max_rows;
        execute format('update %1$s set %2$s = app.encrypt(app.decrypt(%2$s)) where ctid = any (array(
            select ctid from %1$s where %2$s is not null and split_part(%2$s, '':'', 1) <> $1 limit $2 for update))',
            place.relation, place.col) using new_id, max_rows - done;
        get diagnostics rows = row_count;
        done := done + rows;
    end loop;
    return done;
end
$$;
comment on function app.rotate_ciphertexts(integer) is
    'Encrypts values of other keys anew, at most so many; how many it did: call it until there are none';
