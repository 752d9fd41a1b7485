#!/bin/sh
# What medge-conf prints, and what it refuses.
. "$(dirname "$0")/lib.sh"
. "$top/t/tls.sh"

refused () {
	got=0
	medge-conf "$@" >out 2>err || got=$?
	test "$got" -eq 2
	test ! -s out
}
self_signed cert
mv cert.key key.pem
cat cert.pem key.pem >both.pem
printf 'a key of some length\n' | tr ' ' _ >key
echo another_key_of_length >lines2
echo short >short
printf 'a_key_of_some_length\nand another\n' >lines
printf 'a key with blanks, which cannot be\n' >blanks
mkdir 'a b'
cp key 'a b/key'

# ---- what is refused, with its subject
while read -r subject arguments
do
	check "refused: $arguments" "
		refused $arguments
		cat err
		grep -qF \"'$subject'\" err || test '$subject' = -
	"
done <<EOF
- -q
https://o https://o
ftp://o ftp://o
http://o/base http://o/base
http://o?x http://o?x
http://u@o http://u@o
http:// http://
http://o:99999 http://o:99999
http://o;x 'http://o;x'
http://o http://o http://o
- --balance http://o
0s --floor 0s http://o
1 --floor 1 http://o
9000h --ceiling 9000h http://o
0ms --missing 0ms http://o
1ms --held 1ms http://o
1 --grace 1 http://o
probe --probe probe http://o
/a#b --probe '/a#b' http://o
10.0.0.0/33 --purge 10.0.0.0/33 http://o
10.0.0.0/ --purge 10.0.0.0/ http://o
10.0.0.0/8x --purge 10.0.0.0/8x http://o
localhost --purge localhost http://o
a&b --query 'a&b' http://o
_HLS_msn --query _HLS_msn http://o
1Ki --storage 1Ki http://o
x:y --listen x:y http://o
0 --listen 0 http://o
1:2:3 --proxy 1:2:3 http://o
nginx --tls nginx --cert both.pem
haproxy --tls haproxy
cert.pem --tls hitch --cert cert.pem
key.pem --tls haproxy --cert key.pem
none.pem --tls haproxy --cert none.pem
http://o --tls haproxy --cert both.pem http://o
none --token-key none http://o
short --token-key short http://o
lines --token-key lines http://o
blanks --token-key blanks http://o
/x --sign /x
x --sign x --token-key key
/x~y --sign /x~y --token-key key
2500000h --sign /x --token-key key --expires 2500000h
0s --sign /x --token-key key --expires 0s
EOF
check 'refused: a path that would need quotes' 'refused --token-key "a b/key" http://o'
check 'a full disk is told' 'fails 1 medge-conf http://127.0.0.1:1 >/dev/full'

# ---- tokens
check 'a token is what openssl makes of it' '
	token=$(medge-conf --sign /live/one/ --token-key key --expires 2min)
	echo "$token" | grep -qE "^exp=[0-9]+~acl=/live/one/~hmac=[0-9a-f]{64}$"
	signed=${token%~hmac=*}
	want=$(printf %s "$signed" | openssl dgst -sha256 -hmac "$(cat key)" | sed "s/.*= //")
	test "$token" = "$signed~hmac=$want"
	until=${signed#exp=}
	left=$((${until%%~*} - $(date +%s)))
	test "$left" -gt 60 -a "$left" -le 121
'

# ---- what is printed is understood
command -v varnishd >/dev/null || varnish=missing
digest=$(find /usr/lib -name libvmod_digest.so 2>/dev/null | head -n 1)
while read -r arguments
do
	case $arguments in
	*token-key*) needed=$digest ;;
	*) needed=yes ;;
	esac
	if test -n "${varnish:-}" -o -z "$needed"
	then
		skip "Varnish takes: $arguments" 'no varnishd, or no digest for it'
		continue
	fi
	check "Varnish takes: $arguments" "
		medge-conf $arguments >e.vcl
		varnishd -C -j none -n \"\$PWD/w\" -f \"\$PWD/e.vcl\" >compiled 2>&1 ||
			{ tail -n 20 compiled; false; }
	"
done <<EOF
http://127.0.0.1:8080
http://[::1]:8080
--purge none --probe none http://127.0.0.1
--purge 10.0.0.0/8 --purge 2001:db8::/32 http://127.0.0.1:8080
--query start --query A.b --query end --probe /alive http://127.0.0.1:8080
http://127.0.0.1:8080 http://127.0.0.2:8080
--balance http://127.0.0.1:8080 http://127.0.0.2:8080 http://127.0.0.3:8080
--origin-auth --query x http://127.0.0.1:8080
--token-key key http://127.0.0.1:8080
--token-key key --token-key 'lines2' --probe none http://127.0.0.1 http://127.0.0.2
--grace 0s --held 1h --missing 100ms --floor 100ms --ceiling 1s http://127.0.0.1
EOF
if command -v haproxy >/dev/null
then
	check 'haproxy takes its own' '
		for listen in 127.0.0.1:443 443 "[::1]:443"
		do
			medge-conf --tls haproxy --cert both.pem -l "$listen" >h.cfg
			haproxy -c -f h.cfg
		done
	'
else
	skip 'haproxy takes its own' 'no haproxy'
fi
if command -v hitch >/dev/null
then
	check 'hitch takes its own' '
		for listen in 127.0.0.1:443 443 "[::1]:443"
		do
			medge-conf --tls hitch --cert both.pem -l "$listen" >h.conf
			hitch --test --config=h.conf
		done
	'
else
	skip 'hitch takes its own' 'no hitch'
fi
check 'queries are in one order, whatever the order of the options' '
	medge-conf --query b --query a http://127.0.0.1 >one
	medge-conf --query a --query b --query a http://127.0.0.1 >two
	cmp one two
'
check 'the command line is in it' '
	medge-conf -l :8000 --storage 2Gi http://127.0.0.1 >e.vcl
	grep -q "^# varnishd -a :8000 -a front=127.0.0.1:6086,PROXY" e.vcl
	grep -q "malloc,2048M" e.vcl
'
done_testing
