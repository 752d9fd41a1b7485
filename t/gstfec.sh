# t/gstfec.sh - sourced by the tests of FEC, after lib.sh.
#
#   gst_fec_in PORT [MS]          GStreamer receives there and recovers, into gst.ts; it
#                                 waits so long for what is missing; its process is $gst
#   gst_fec_out MATRIX PORT USEC  GStreamer sends in.ts with FEC of ten by five or so,
#                                 with such a pause after each datagram
# shellcheck shell=sh

gst_fec_in () {
	rm -f gst.log
	gst-launch-1.0 -e rtpst2022-1-fecdec name=d size-time=2000000000 ! \
		rtpjitterbuffer latency="${2:-400}" ! rtpmp2tdepay ! \
		filesink location=gst.ts sync=false buffer-mode=unbuffered \
		udpsrc address=127.0.0.1 port="$1" buffer-size=8000000 \
		caps='application/x-rtp,media=video,clock-rate=90000,encoding-name=MP2T,payload=33' ! \
		queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! d.sink \
		udpsrc address=127.0.0.1 port=$(($1 + 2)) caps=application/x-rtp,payload=96 ! \
		queue ! d.fec_0 \
		udpsrc address=127.0.0.1 port=$(($1 + 4)) caps=application/x-rtp,payload=96 ! \
		queue ! d.fec_1 >gst.log 2>&1 &
	gst=$!
	echo "$gst" >gst.pid
	eventually grep -sq PLAYING gst.log
	eventually sh -c "ss -Hlun 'sport = :$(($1 + 4))' | grep -q ."
}

gst_fec_out () {
	gst-launch-1.0 -q filesrc location=in.ts blocksize=1316 ! \
		video/mpegts,systemstream=true,packetsize=188 ! \
		identity sleep-time="$3" ! rtpmp2tpay ssrc=0 pt=33 mtu=1328 ! \
		rtpst2022-1-fecenc name=e columns="${1%x*}" rows="${1#*x}" ! \
		udpsink host=127.0.0.1 port="$2" sync=false async=false \
		e.fec_0 ! udpsink host=127.0.0.1 port=$(($2 + 2)) sync=false async=false \
		e.fec_1 ! udpsink host=127.0.0.1 port=$(($2 + 4)) sync=false async=false
}
