# t/rgw.sh - sourced after lib.sh by tests that need a real S3: a Ceph of one node.
#
#   rgw_missing            succeeds when a program of Ceph is not installed
#   rgw_up                 start one in ./ceph; exports s3_endpoint and the keys
#                          AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION
#   rgw_gateway            start (again) radosgw alone: the one that is to be killed
#   rgw_down               end all of it
#
# Monitor, one store in memory, the gateway: about 15 s from nothing.  All is in the
# test's own directory, ports are free ones of the loopback, cephx is on (without it
# radosgw hangs), and each daemon leads a session of its own.
# shellcheck shell=sh disable=SC2154

rgw_missing () {
	for program in ceph-mon ceph-osd radosgw radosgw-admin ceph ceph-authtool monmaptool
	do
		command -v "$program" >/dev/null || return 0
	done
	return 1
}

# daemon NAME command... - its number is in ceph/NAME.id.
rgw_daemon () {
	name=$1
	shift
	setsid "$@" >"$scratch/ceph/$name.out" 2>&1 9>&- &
	echo $! >"$scratch/ceph/$name.id"
}

rgw_alive () {
	kill -0 "$(cat "$scratch/ceph/$1.id")" 2>/dev/null
}

# Until a daemon does what is asked, within 90 s, as long as it lives.
rgw_until () {
	name=$1
	shift
	tries=450
	until "$@" >/dev/null 2>&1
	do
		tries=$((tries - 1))
		if ! rgw_alive "$name" || test "$tries" -eq 0
		then
			tail -n 5 "$scratch/ceph/$name.out" | sed 's/^/# /'
			echo "Bail out! $name of Ceph does not start"
			exit 1
		fi
		sleep 0.2
	done
}

rgw_configure () {
	cat >"$CEPH_CONF" <<-END
	[global]
	fsid = $(cat /proc/sys/kernel/random/uuid)
	mon host = [v2:127.0.0.1:$(free_port)/0]
	mon initial members = a
	public addr = 127.0.0.1
	cluster addr = 127.0.0.1
	ms bind ipv6 = false
	auth cluster required = cephx
	auth service required = cephx
	auth client required = cephx
	keyring = $ceph/keyring
	run dir = $ceph
	admin socket = $ceph/\$name.asok
	pid file = $ceph/\$name.pid
	log file = $ceph/\$name.log
	crash dir = $ceph
	osd pool default size = 1
	osd pool default min size = 1
	mon allow pool size one = true
	osd crush chooseleaf type = 0
	osd pool default pg num = 4
	osd pool default pgp num = 4
	osd pool default pg autoscale mode = off
	mon max pg per osd = 1000
	[mon]
	mon data = $ceph/mon
	mon cluster log file = $ceph/cluster.log
	mon data avail warn = 1
	mon data avail crit = 1
	[osd]
	osd data = $ceph/osd
	osd objectstore = memstore
	memstore device bytes = 1073741824
	osd class update on start = true
	osd max object name len = 1024
	osd numa auto affinity = false
	[client.rgw.a]
	rgw frontends = beast endpoint=127.0.0.1:$s3_port
	rgw data = $ceph/rgw
	rgw thread pool size = 64
	rgw enable usage log = false
	rgw enable ops log = false
	rgw dns name = s3.localhost
	rgw run sync thread = false
	END
}

rgw_keys () {
	ceph-authtool --create-keyring "$ceph/keyring" --gen-key -n mon. --cap mon 'allow *'
	ceph-authtool "$ceph/keyring" --gen-key -n client.admin --cap mon 'allow *' \
		--cap osd 'allow *' --cap mgr 'allow *'
	for name in client.rgw.a osd.0
	do
		ceph-authtool "$ceph/keyring" --gen-key -n "$name" --cap mon 'allow *' \
			--cap osd 'allow *'
	done
}

rgw_gateway () {
	rgw_daemon rgw radosgw -f -n client.rgw.a
	rgw_until rgw curl -s -o "$ceph/answer" "$s3_endpoint/"
}

rgw_up () {
	ceph=$scratch/ceph
	CEPH_CONF=$ceph/ceph.conf
	s3_port=$(free_port)
	s3_endpoint=http://127.0.0.1:$s3_port
	AWS_ACCESS_KEY_ID=TESTACCESSKEY0000001
	AWS_SECRET_ACCESS_KEY=testsecretkey000000000000000000000000001
	AWS_REGION=us-east-1
	AWS_ENDPOINT_URL=$s3_endpoint
	export CEPH_CONF ceph s3_port s3_endpoint AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY \
		AWS_REGION AWS_ENDPOINT_URL
	mkdir -p "$ceph/mon" "$ceph/osd" "$ceph/rgw"
	trap 'rgw_down; rm -rf "$scratch"' EXIT
	rgw_configure
	{
		rgw_keys
		monmaptool --create --fsid "$(sed -n 's/^fsid = //p' "$CEPH_CONF")" --addv a \
			"$(sed -n 's/^mon host = //p' "$CEPH_CONF")" "$ceph/monmap"
		ceph-mon --mkfs -i a --monmap "$ceph/monmap" --keyring "$ceph/keyring"
	} >"$ceph/make.out" 2>&1
	rgw_daemon mon ceph-mon -f -i a
	rgw_until mon timeout 5 ceph -s
	id=$(cat /proc/sys/kernel/random/uuid)
	ceph osd new "$id" >"$ceph/osd.new" 2>&1
	ceph-osd -i 0 --mkfs --osd-uuid "$id" >"$ceph/osd.make" 2>&1
	rgw_daemon osd ceph-osd -f -i 0
	rgw_until osd sh -c 'timeout 5 ceph osd stat | grep "1 up"'
	rgw_gateway
	radosgw-admin user create --uid=test --display-name=test \
		--access-key="$AWS_ACCESS_KEY_ID" --secret-key="$AWS_SECRET_ACCESS_KEY" \
		>"$ceph/user" 2>&1 || {
		sed 's/^/# /' "$ceph/user"
		echo 'Bail out! no user in Ceph'
		exit 1
	}
}

rgw_down () {
	for name in rgw osd mon
	do
		test ! -s "$scratch/ceph/$name.id" || kill -9 "$(cat "$scratch/ceph/$name.id")"
	done 2>/dev/null
	wait
}
