#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/leg/address.h"
#include "transport/control.h"
#include "transport/relaychange.h"

/* ---- what is asked for */

static json_t *
error(const char *subject, const char *why, int err)
{
	json_t *o = json_string(subject);	/* NULL: it is no UTF-8 */

	subject = o == NULL ? "?" : subject;
	json_decref(o);
	return err != 0 ? json_pack("{s:s+++++}", "error", "'", subject, "': ", why, ": ",
	    strerror(err)) : json_pack("{s:s+++}", "error", "'", subject, "': ", why);
}

static json_t *
done(const char *id)
{
	return json_pack("{s:s}", "ok", id);
}

static json_t *
add_output(struct relay *r, const char *arg)
{
	char why[UDP_WHY];
	struct output *o;
	int err = relay_add_output(r, arg, false, &o, why);

	return err < 0 ? error(arg, why, address_errno(err, why)) : done(o->id);
}

static json_t *
add_leg(struct relay *r, const char *arg)
{
	char why[UDP_WHY];
	struct leg *l;
	int err = relay_add_leg(r, arg, false, &l, why);

	return err < 0 ? error(arg, why, address_errno(err, why)) : done(l->id);
}

/* Its name, which may have blanks in it, then its new address. */
static json_t *
change_output(struct relay *r, const char *arg)
{
	char name[CONTROL_LINE], why[UDP_WHY];
	int n = -1, err;

	for (const char *p = arg; *p != '\0'; p++) {
		if (*p != ' ' && *p != '\t')
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(p - arg), arg);
		p += strspn(p, " \t");
		if ((n = relay_find_output(r, name)) < 0)
			continue;
		err = relaychange(r, (unsigned)n, p, why);
		return err < 0 ? error(p, why, address_errno(err, why)) :
		    done(r->output[n]->id);
	}
	return error(arg, "that is no output and its new address", 0);
}

static json_t *
end_output(struct relay *r, enum command_verb verb, const char *arg)
{
	int n = relay_find_output(r, arg);
	json_t *answer;

	if (n < 0)
		return error(arg, "there is no such output", 0);
	answer = done(r->output[n]->id);
	if (verb == COMMAND_REMOVE)
		relay_remove_output(r, (unsigned)n);
	else
		output_pause(r->output[n], &r->flow.fan, verb == COMMAND_PAUSE);
	return answer;
}

static json_t *
revoke_grant(struct relay *r, const char *name)
{
	bool known = false;
	unsigned n = relay_revoke(r, name, &known);

	return known ? json_pack("{s:s, s:i}", "ok", name, "closed", (int)n) :
	    error(name, "there is no such grant", 0);
}

json_t *
control_do(struct relay *r, enum command_verb verb, const char *arg)
{
	char why[UDP_WHY];
	json_t *answer;
	int n;

	switch (verb) {
	case COMMAND_ADD:
		return add_output(r, arg);
	case COMMAND_CHANGE:
		return change_output(r, arg);
	case COMMAND_REMOVE:
	case COMMAND_PAUSE:
	case COMMAND_RESUME:
		return end_output(r, verb, arg);
	case COMMAND_ADD_INPUT:
		return add_leg(r, arg);
	case COMMAND_REMOVE_INPUT:
		if ((n = relay_find_leg(r, arg)) < 0)
			return error(arg, "there is no such input", 0);
		answer = done(r->leg[n]->id);
		relay_remove_leg(r, (unsigned)n);
		return answer;
	case COMMAND_LIST:
		return relay_list(r);
	case COMMAND_STATS:
		return relay_stats(r, clk_mono_ns());
	case COMMAND_REVOKE:
		return revoke_grant(r, arg);
	case COMMAND_RELOAD_GRANTS:
		return relay_reload_grants(r, why) < 0 ? json_pack("{s:s}", "error", why) :
		    done("reload-grants");
	case COMMAND_STOP:
		io_stop();
		return done("stop");
	case COMMAND_NONE:
		return NULL;
	default:
		return error(arg, "there are add, remove, pause, resume, add-input, "
		    "remove-input, revoke with one word more, change with two, and "
		    "list, stats, reload-grants, stop", 0);
	}
}

/* ---- the socket */

int
control_open(struct control *c, const char *path, struct relay *r)
{
	struct epoll_event ev = { .events = EPOLLIN,
	    .data.u64 = relay_tag(RELAY_CONTROL, CONTROL_CLIENTS) };
	int err;

	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		c->client[i].fd = -1;
	if ((err = unixsock_listen(&c->listener, path, 16)) < 0)
		return err;
	return epoll_ctl(r->epoll, EPOLL_CTL_ADD, c->listener.fd, &ev) < 0 ? -errno : 0;
}

static void
drop(struct control_client *k)
{
	close(k->fd);
	k->fd = -1;
}

void
control_free(struct control *c)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (c->client[i].fd >= 0)
			drop(&c->client[i]);
	unixsock_close(&c->listener);
}

static void
admit(struct control *c, struct relay *r)
{
	int fd = accept4(c->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN };
	unsigned i = 0;

	if (fd < 0)
		return;
	while (i < CONTROL_CLIENTS && c->client[i].fd >= 0)
		i++;
	ev.data.u64 = relay_tag(RELAY_CONTROL, i);
	if (i == CONTROL_CLIENTS || epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		close(fd);
		return;
	}
	c->client[i].fd = fd;
	c->client[i].fill = 0;
	c->client[i].overlong = false;
}

/* An answer goes at once or not at all. */
static bool
answer(struct control_client *k, json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);
	size_t len = text == NULL ? 0 : strlen(text);
	bool good = false;

	json_decref(o);
	if (text != NULL) {
		text[len] = '\n';		/* in the place of its NUL */
		good = send(k->fd, text, len + 1, MSG_DONTWAIT | MSG_NOSIGNAL) ==
		    (ssize_t)(len + 1);
	}
	free(text);
	return good;
}

static bool
take_line(struct control_client *k, struct relay *r, char *line)
{
	const char *arg;
	enum command_verb verb;
	json_t *o;

	if (k->overlong) {
		k->overlong = false;
		return answer(k, json_pack("{s:s}", "error", "that line is too long"));
	}
	verb = command_parse(line, &arg);
	o = control_do(r, verb, arg);
	return o == NULL || answer(k, o);
}

void
control_ready(struct control *c, unsigned n, struct relay *r)
{
	struct control_client *k = &c->client[n];
	char *start, *end;
	ssize_t got;

	if (n == CONTROL_CLIENTS) {
		admit(c, r);
		return;
	}
	if (k->fd < 0)
		return;
	got = read(k->fd, k->line + k->fill, sizeof(k->line) - k->fill);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		drop(k);
		return;
	}
	k->fill += (size_t)got;
	for (start = k->line; (end = memchr(start, '\n',
	    k->fill - (size_t)(start - k->line))) != NULL; start = end + 1) {
		*end = '\0';
		if (!take_line(k, r, start)) {
			drop(k);
			return;
		}
	}
	k->fill -= (size_t)(start - k->line);
	memmove(k->line, start, k->fill);
	if (k->fill == sizeof(k->line)) {
		k->overlong = true;
		k->fill = 0;
	}
}
