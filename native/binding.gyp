{
  "variables": {
    # A checkout has tests, which need the addon with the I/O seam; an installed package has not.
    "build_test_addon%": "<!(node -p \"require('fs').existsSync('../tests') ? 1 : 0\")"
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
    "ldflags": ["-Wl,-z,nodelete"],
    "xcode_settings": {
      "CLANG_CXX_LANGUAGE_STANDARD": "gnu++20",
      "GCC_ENABLE_CPP_EXCEPTIONS": "NO",
      "GCC_ENABLE_CPP_RTTI": "NO",
      "GCC_OPTIMIZATION_LEVEL": "3",
      "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
      "MACOSX_DEPLOYMENT_TARGET": "12.0"
    }
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
