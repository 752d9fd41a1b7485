#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "transport/control.h"

static const struct {
	const char *word;
	bool	 has_arg;
} verbs[] = {
	[CONTROL_NONE] = { "", false },
	[CONTROL_ADD] = { "add", true },
	[CONTROL_REMOVE] = { "remove", true },
	[CONTROL_PAUSE] = { "pause", true },
	[CONTROL_RESUME] = { "resume", true },
	[CONTROL_ADD_INPUT] = { "add-input", true },
	[CONTROL_REMOVE_INPUT] = { "remove-input", true },
	[CONTROL_LIST] = { "list", false },
	[CONTROL_STATS] = { "stats", false },
	[CONTROL_STOP] = { "stop", false },
};

enum control_verb
control_parse(char *line, const char **arg)
{
	char *word = line + strspn(line, " \t"), *rest;
	size_t len;

	for (len = strlen(word); len > 0 && strchr(" \t\r\n", word[len - 1]) != NULL;)
		word[--len] = '\0';
	*arg = word;
	if (*word == '\0' || *word == '#')
		return CONTROL_NONE;
	rest = word + strcspn(word, " \t");
	if (*rest != '\0') {
		*rest++ = '\0';
		rest += strspn(rest, " \t");
	}
	for (unsigned v = CONTROL_ADD; v < sizeof(verbs) / sizeof(verbs[0]); v++)
		if (strcmp(word, verbs[v].word) == 0) {
			if (verbs[v].has_arg == (*rest == '\0'))
				return CONTROL_WRONG;
			*arg = rest;
			return (enum control_verb)v;
		}
	return CONTROL_WRONG;
}

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

	return err < 0 ? error(arg, why, err == -EINVAL ? 0 : -err) : done(o->id);
}

static json_t *
add_leg(struct relay *r, const char *arg)
{
	char why[UDP_WHY];
	struct leg *l;
	int err = relay_add_leg(r, arg, false, &l, why);

	return err < 0 ? error(arg, why, err == -EINVAL ? 0 : -err) : done(l->id);
}

static json_t *
change_output(struct relay *r, enum control_verb verb, const char *arg)
{
	int n = relay_find_output(r, arg);
	json_t *answer;

	if (n < 0)
		return error(arg, "there is no such output", 0);
	answer = done(r->output[n]->id);
	if (verb == CONTROL_REMOVE)
		relay_remove_output(r, (unsigned)n);
	else
		output_pause(r->output[n], &r->flow.fan, verb == CONTROL_PAUSE);
	return answer;
}

json_t *
control_do(struct relay *r, enum control_verb verb, const char *arg)
{
	json_t *answer;
	int n;

	switch (verb) {
	case CONTROL_ADD:
		return add_output(r, arg);
	case CONTROL_REMOVE:
	case CONTROL_PAUSE:
	case CONTROL_RESUME:
		return change_output(r, verb, arg);
	case CONTROL_ADD_INPUT:
		return add_leg(r, arg);
	case CONTROL_REMOVE_INPUT:
		if ((n = relay_find_leg(r, arg)) < 0)
			return error(arg, "there is no such input", 0);
		answer = done(r->leg[n]->id);
		relay_remove_leg(r, (unsigned)n);
		return answer;
	case CONTROL_LIST:
		return relay_list(r);
	case CONTROL_STATS:
		return relay_stats(r, clk_mono_ns());
	case CONTROL_STOP:
		io_stop();
		return done("stop");
	case CONTROL_NONE:
		return NULL;
	default:
		return error(arg, "there are add, remove, pause, resume, add-input, "
		    "remove-input with one word more, and list, stats, stop", 0);
	}
}

/* ---- the socket */

int
control_open(struct control *c, const char *path, struct relay *r)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct epoll_event ev = { .events = EPOLLIN,
	    .data.u64 = relay_tag(RELAY_CONTROL, CONTROL_CLIENTS) };
	struct stat st;
	int probe;

	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		c->client[i].fd = -1;
	c->fd = -1;
	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	/* A socket that nobody answers on is left of one that was killed. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (probe >= 0 && connect(probe, (struct sockaddr *)&sa, sizeof(sa)) < 0 &&
		    errno == ECONNREFUSED)
			unlink(path);
		if (probe >= 0)
			close(probe);
	}
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -errno;
	if (bind(c->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	if ((c->path = strdup(path)) == NULL)
		return -ENOMEM;
	if (chmod(path, 0600) < 0 || listen(c->fd, 16) < 0 ||
	    epoll_ctl(r->epoll, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		return -errno;
	return 0;
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
	if (c->fd >= 0)
		close(c->fd);
	if (c->path != NULL)
		unlink(c->path);
	free(c->path);
	c->path = NULL;
}

static void
admit(struct control *c, struct relay *r)
{
	int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
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
	enum control_verb verb;
	json_t *o;

	if (k->overlong) {
		k->overlong = false;
		return answer(k, json_pack("{s:s}", "error", "that line is too long"));
	}
	verb = control_parse(line, &arg);
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
