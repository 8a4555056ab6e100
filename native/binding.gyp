{
  "variables": {
    # A checkout has tests, which need the addon with the I/O seam; an installed package has not.
    "build_test_addon%": "<!(node -p \"require('fs').existsSync('../tests') ? 1 : 0\")",
    # Linked into the addon where it can be had: a binary then runs on systems with an older one.
    "static_runtime%": "<!(${CXX:-c++} -print-file-name=libstdc++.a | grep -c / || true)"
  },
  "target_defaults": {
    "sources": [
      "<!@(node -p \"require('fs').readdirSync('src', { recursive: true }).filter((name) => name.endsWith('.cc')).sort().map((name) => 'src/' + name).join(' ')\")"
    ],
    "include_dirs": [
      "<!(node -p \"require('node-addon-api').include_dir\")",
      "src"
    ],
    "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS"],
    "cflags": ["-fvisibility=hidden", "-Wall", "-Wextra", "-Werror=return-type"],
    "cflags_cc!": ["-std=gnu++14", "-std=gnu++17", "-std=gnu++1y"],
    "cflags_cc": ["-std=gnu++20", "-fno-exceptions", "-fno-rtti", "-fvisibility-inlines-hidden"],
    # At once: a C library that lacks something refuses it when it is loaded, not in a call.
    "ldflags": ["-Wl,-z,nodelete", "-Wl,-z,now"],
    "conditions": [
      ["static_runtime==1", {
        "ldflags": ["-static-libstdc++", "-Wl,--exclude-libs,ALL"]
      }]
    ]
  },
  "targets": [
    { "target_name": "rstore", "cflags": ["-O3"] }
  ],
  "conditions": [
    ["build_test_addon==1", {
      "targets": [
        { "target_name": "rstore_test", "defines": ["RSTORE_TEST_SEAM"], "cflags": ["-O2"] }
      ]
    }]
  ]
}
