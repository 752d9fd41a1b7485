#!/usr/bin/python3
# t/rtspd.py PORT FILE [USER:PASSWORD [LATE]] - a server of RTSP by GStreamer: FILE, which is MP4 with
# AVC and AAC, at its own pace, at rtsp://127.0.0.1:PORT/cam.  Parameter sets are in the SDP
# only.  With LATE its clock, by which its sender reports go, is so many seconds late.
# From the environment: ADDRESS, instead of 127.0.0.1; CERTIFICATE, a file with certificate and
# key, for rtsps; GROUP, GROUP_PORT and GROUP_IFACE, by multicast to that group.
import os
import sys
import time
import gi
gi.require_version('Gst', '1.0')
gi.require_version('GstRtsp', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import Gio, GLib, GObject, Gst, GstRtsp, GstRtspServer

Gst.init(None)
port, name = sys.argv[1:3]
server = GstRtspServer.RTSPServer(service=port, address=os.environ.get('ADDRESS', '127.0.0.1'))
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    f'( filesrc location={name} ! qtdemux name=d '
    'd.video_0 ! queue ! h264parse config-interval=0 ! rtph264pay name=pay0 pt=96 '
    'd.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )')
factory.set_shared(True)
if 'GROUP' in os.environ:
    pool = GstRtspServer.RTSPAddressPool()
    low = int(os.environ['GROUP_PORT'])
    pool.add_range(os.environ['GROUP'], os.environ['GROUP'], low, low + 9, 1)
    factory.set_address_pool(pool)
    factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP_MCAST)
    factory.set_multicast_iface(os.environ['GROUP_IFACE'])
certificate = os.environ.get('CERTIFICATE')
if len(sys.argv) > 3 or certificate:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string('media.factory.role', 'user')
    if len(sys.argv) > 3:
        user, password = sys.argv[3].split(':', 1)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    else:
        auth.set_default_token(token)
    if certificate:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(certificate))
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role('user', 'media.factory.access', True)
    permissions.add_permission_for_role('user', 'media.factory.construct', True)
    factory.set_permissions(permissions)
if len(sys.argv) > 4:
    def by_clock(media):
        elements = media.get_element().get_parent().iterate_elements()
        while True:
            result, element = elements.next()
            if result != Gst.IteratorResult.OK:
                break
            if element.get_factory().get_name() == 'rtpbin':
                element.set_property('ntp-time-source', 'clock-time')
    factory.connect('media-configure', lambda f, media: media.connect('prepared', by_clock))
    clock = GObject.new(Gst.SystemClock)
    now = clock.get_internal_time()
    since_1900 = time.time_ns() + 2208988800 * 10**9 - int(sys.argv[4]) * 10**9
    clock.set_calibration(now, since_1900, 1, 1)
    factory.set_clock(clock)
server.get_mount_points().add_factory('/cam', factory)
if server.attach(None) == 0:
    sys.exit('cannot listen')
print('serving', flush=True)
GLib.MainLoop().run()
