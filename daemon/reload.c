/*
 * The steps of a reload. A new one is a row of the table: `prepare` reads what the configuration names and keeps it
 * aside, `commit` puts it in force and can't fail, `abandon` drops it again. Files that are out of date are good enough
 * to serve with, and worth a warning.
 */
#include "reload.h"
#include <errno.h>
#include <string.h>
#include "base/notice.h"

struct step {
    int (*prepare)(struct reload *reload, const struct conf *conf, char *why); /* 0, or -EINVAL and why */
    void (*commit)(struct reload *reload);
    void (*abandon)(struct reload *reload);
};

/* ---- TLS ---- */

static bool listens_on_tls(const struct conf *conf)
{
    for (unsigned i = 0; i < conf->listen_address.count; i++) {
        if (strncmp(conf->listen_address.rows[i].address, "tls:", 4) == 0)
            return true;
    }
    return false;
}

static int complain(char *why, const char *text)
{
    snprintf(why, RELOAD_WHY_BYTES, "%s", text);
    return -EINVAL;
}

static struct certificate_scope scope_of(const struct conf_identity *identity)
{
    struct certificate_scope scope = {.role = identity->role};
    memcpy(scope.place, identity->place, sizeof scope.place);
    return scope;
}

static int read_tls(struct reload *reload, const struct conf *conf, char *why)
{
    static struct tls_authority authorities[CONF_ROWS_MAX];
    struct net_tls_options options = {.certificate = conf->tls_certificate,
                                      .key = conf->tls_key,
                                      .revoked = conf->tls_revoked[0] ? conf->tls_revoked : NULL,
                                      .authorities = authorities,
                                      .authority_count = conf->tls_authority.count};
    struct tls_why problem = {0}, warning;
    int result;
    for (unsigned i = 0; i < conf->tls_authority.count; i++) {
        authorities[i].scope = scope_of(&conf->tls_authority.rows[i].scope);
        authorities[i].file = conf->tls_authority.rows[i].file;
    }
    result = net_tls_open(&reload->tls, &options, &problem, &warning);
    if (result)
        return complain(why, problem.text);
    reload->has_tls = true;
    if (warning.text[0])
        notice(RELIEF_MESSAGE_TLS_DATED, "what=%s", notice_quote(warning.text).text);
    return 0;
}

static int prepare_tls(struct reload *reload, const struct conf *conf, char *why)
{
    bool any = conf->tls_key[0] || conf->tls_revoked[0] || conf->tls_authority.count;
    reload->has_tls = false;
    reload->tls = NULL;
    if (!conf->tls_certificate[0] && (any || listens_on_tls(conf)))
        return complain(why, "[tls] certificate is missing: tls: addresses need the daemon's certificate and key");
    if (!conf->tls_certificate[0] && reload->tls_serves)
        return complain(why, "[tls] certificate is missing: there is a tls: address until the next start");
    if (!conf->tls_certificate[0])
        return 0;
    if (!conf->tls_key[0])
        return complain(why, "[tls] key is missing: the certificate is of no use without its key");
    return read_tls(reload, conf, why);
}

static void commit_tls(struct reload *reload)
{
    if (reload->has_tls)
        reload->closed += net_use_tls(reload->net, reload->tls);
    reload->tls = NULL;
}

static void abandon_tls(struct reload *reload)
{
    net_tls_close(reload->tls);
    reload->tls = NULL;
}

/* ---- tokens ---- */

static int prepare_tokens(struct reload *reload, const struct conf *conf, char *why)
{
    char text[TOKENS_WHY_BYTES] = "";
    reload->tokens = (struct tokens){0};
    if (!conf->identity_tokens[0] || tokens_load(&reload->tokens, conf->identity_tokens, text, sizeof text) == 0)
        return 0;
    snprintf(why, RELOAD_WHY_BYTES, "[identity] tokens: %.250s: %s", conf->identity_tokens, text);
    return -EINVAL;
}

static void commit_tokens(struct reload *reload)
{
    reload->closed += rpc_use_tokens(reload->rpc, &reload->tokens);
}

static void abandon_tokens(struct reload *reload)
{
    tokens_clear(&reload->tokens);
}

/* ---- all of them ---- */

static const struct step steps[] = {
    {prepare_tls, commit_tls, abandon_tls},
    {prepare_tokens, commit_tokens, abandon_tokens},
};
enum { STEPS = sizeof steps / sizeof *steps };

static int prepare(struct reload *reload, const struct conf *conf, char *why)
{
    for (unsigned i = 0; i < STEPS; i++) {
        int result = steps[i].prepare(reload, conf, why);
        if (result == 0)
            continue;
        while (i-- > 0)
            steps[i].abandon(reload);
        return result;
    }
    return 0;
}

int reload_take(struct reload *reload, const struct conf *conf, char ret_why[RELOAD_WHY_BYTES])
{
    int result = prepare(reload, conf, ret_why);
    if (result)
        return result;
    reload->closed = 0;
    for (unsigned i = 0; i < STEPS; i++)
        steps[i].commit(reload);
    if (!reload->started)
        reload->tls_serves = listens_on_tls(conf); /* listeners are those of the start */
    reload->started = true;
    return 0;
}

int reload_check(const struct conf *conf, char ret_why[RELOAD_WHY_BYTES])
{
    struct reload reload = {0};
    int result = prepare(&reload, conf, ret_why);
    for (unsigned i = 0; result == 0 && i < STEPS; i++)
        steps[i].abandon(&reload);
    return result;
}
