/* Grants: networks, times, stream ids, and what stays when a file is read again. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/leg/grants.h"
#include "lib/leg/streamid.h"
#include "t/tap.h"

static bool
from(const char *net, const char *addr)
{
	struct grant e = { .nnet = 1 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (grants_parse_net(net, &e.net[0]) < 0)
		return false;
	if (inet_pton(AF_INET, addr, &v4.sin_addr) == 1)
		return grants_from(&e, (struct sockaddr *)&v4);
	inet_pton(AF_INET6, addr, &v6.sin6_addr);
	return grants_from(&e, (struct sockaddr *)&v6);
}

static void
test_networks(void)
{
	static const char *const bad[] = { "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8",
	    "10.0.0.0/-1", "10.0.0.0/ 8", "10.0.0.0/8x", "::/129", "host",
	    "10.0.0.0/99999999999999999999" };
	struct grants_net net;

	ok(from("10.0.0.0/8", "10.255.1.2"), "in 10/8");
	ok(!from("10.0.0.0/8", "11.0.0.1"), "not in 10/8");
	ok(from("192.168.1.128/25", "192.168.1.200"), "in the upper half");
	ok(!from("192.168.1.128/25", "192.168.1.100"), "in the lower half");
	ok(from("192.0.2.7", "192.0.2.7") && !from("192.0.2.7", "192.0.2.6"), "one address");
	ok(from("10.0.0.0/8", "::ffff:10.1.2.3"), "IPv4 in IPv6");
	ok(from("0.0.0.0/0", "1.2.3.4") && !from("0.0.0.0/0", "2001:db8::1"), "all of IPv4");
	ok(from("::/0", "1.2.3.4") && from("::/0", "2001:db8::1"), "everything");
	ok(from("2001:db8::/33", "2001:db8:7fff::1") && !from("2001:db8::/33",
	    "2001:db8:8000::1"), "a bit more than /32");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(grants_parse_net(bad[i], &net) == -EINVAL, "no network: '%s'", bad[i]);
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) < 0)
		exit(1);
}

#define ANN(more)	"{\"name\":\"ann\",\"passphrase\":\"0123456789\"" more "}"
#define BEN		"{\"name\":\"ben\",\"passphrase\":\"abcdefghij\",\"streamid\":\"x\"}"

static void
test_files(void)
{
	char path[] = "/tmp/grants.XXXXXX", why[GRANTS_WHY];
	int fd = mkstemp(path);
	struct grants g = { .n = 0 };
	uint64_t ann, ben;

	write_file(path, "{\"grants\":[" ANN("") "," BEN "]}");
	ok(grants_read(&g, path, why) == 0 && g.n == 2, "two entries");
	ok(grants_find(&g, "ann") == &g.list[0] && grants_find(&g, "x") == &g.list[1] &&
	    grants_find(&g, "ben") == NULL, "by stream id");
	ok(grants_find(&g, "#!::r=1,u=ben") == &g.list[1] &&
	    grants_find(&g, "#!::u=x") == NULL && grants_find(&g, "") == NULL, "by user");
	ok(grants_now(&g.list[0], 1), "for ever");
	g.list[0].revoked = true;
	ok(!grants_now(&g.list[0], 1), "revoked");
	ann = g.list[0].serial;
	ben = g.list[1].serial;
	ok(ann != ben, "two serials");
	write_file(path, "{\"grants\":[" BEN "," ANN(",\"expires\":\"2026-01-01T00:00:00Z\"") "]}");
	ok(grants_read(&g, path, why) == 0 && g.list[1].revoked && g.list[1].serial == ann &&
	    g.list[0].serial == ben, "read again: the same, and still revoked");
	g.list[1].revoked = false;
	ok(grants_now(&g.list[1], INT64_C(1767225599999999999)) &&
	    !grants_now(&g.list[1], INT64_C(1767225600000000000)), "until the very time");
	write_file(path, "{\"grants\":[" ANN(",\"cidr\":[\"::/0\"]") "]}");
	ok(grants_read(&g, path, why) == 0 && g.n == 1 && g.list[0].serial > ben,
	    "another network: another serial");
	write_file(path, "{\"grants\":[" ANN("") "," ANN("") "]}");
	ok(grants_read(&g, path, why) == -EINVAL && g.n == 1, "twice the same: refused");
	write_file(path, "{\"grants\":[" ANN(",\"name\":\"x\"") "]}");
	ok(grants_read(&g, path, why) == -EINVAL && g.n == 1, "a key twice: refused");
	grants_free(&g);
	close(fd);
	unlink(path);
	ok(grants_read(&g, path, why) == -ENOENT, "no file");
}

/* Ten thousand, from the last to the first, are read and read again while media flow. */
static void
test_many(void)
{
	enum { MANY = 10000 };
	char path[] = "/tmp/grants.XXXXXX", why[GRANTS_WHY], name[16];
	FILE *f = fdopen(mkstemp(path), "w");
	struct grants g = { .n = 0 };
	unsigned found = 0;
	int64_t from, took;

	fprintf(f, "{\"grants\":[" ANN(""));
	for (unsigned i = MANY; i > 0; i--)
		fprintf(f, ",{\"name\":\"n%u\",\"passphrase\":\"0123456789\",\"streamid\":"
		    "\"s%u\"}", i, i);
	fprintf(f, "]}");
	fclose(f);
	ok(grants_read(&g, path, why) == 0 && g.n == MANY + 1, "%d entries", MANY + 1);
	from = clk_mono_ns();
	for (unsigned i = 0; i < 10; i++)
		grants_read(&g, path, why);
	took = (clk_mono_ns() - from) / 10;
	ok(took < CLK_SECOND / 4, "are read again in %d ms", (int)(took / 1000000));
	for (unsigned i = 1; i <= MANY; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		found += grants_find(&g, name) == &g.list[MANY + 1 - i];
	}
	is(found, MANY, "and found");

	/* Who was revoked and is not there any more does not stand before who is. */
	grants_named(&g, "ann")->revoked = true;
	write_file(path, "{\"grants\":[{\"name\":\"zoe\",\"passphrase\":\"0123456789\","
	    "\"streamid\":\"ann\"}," BEN "]}");
	ok(grants_read(&g, path, why) == 0 && g.n == 3 &&
	    grants_find(&g, "ann") == &g.list[0], "a stream id that another had who was revoked");
	write_file(path, "{\"grants\":[" BEN ",{\"name\":\"a\",\"passphrase\":\"0123456789\","
	    "\"streamid\":\"x\"}," BEN "]}");
	ok(grants_read(&g, path, why) == -EINVAL && strstr(why, "grant 2:") != NULL,
	    "the first that is there twice is told: %s", why);
	write_file(path, "{\"grants\":[" BEN ",{\"name\":\"a\",\"passphrase\":\"0123456789\","
	    "\"streamid\":\"#!::u=ben\"}]}");
	ok(grants_read(&g, path, why) == -EINVAL && strstr(why, "grant 2:") != NULL,
	    "and one that names another as its user");
	grants_free(&g);
	unlink(path);
}

int
main(void)
{
	test_networks();
	test_files();
	test_many();
	return done_testing();
}
