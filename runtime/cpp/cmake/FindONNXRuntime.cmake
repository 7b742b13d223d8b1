# Finds ONNX Runtime: the target ONNXRuntime::ONNXRuntime, ONNXRuntime_VERSION_API, of the headers,
# and ONNXRuntime_VERSION, 1.<API>.
#
#     find_package(ONNXRuntime 1.17 REQUIRED)             to compile against it
#     find_package(ONNXRuntime COMPONENTS library)        to link only: headers may be missing
#
# ONNXRUNTIME_ROOT (a variable, or one of the environment) names where it lies, in any layout:
#     a release      include/onnxruntime_c_api.h               lib/libonnxruntime.so
#     Debian         include/onnxruntime/onnxruntime_c_api.h   lib/<triplet>/libonnxruntime.so
#     vcpkg          include/onnxruntime/onnxruntime_c_api.h   lib/, debug/lib/
# Without it the system's and CMAKE_PREFIX_PATH's are searched.

if(DEFINED CACHE{ONNXRUNTIME_ROOT})
    # A path on the command line is relative to where that was called.
    set(ONNXRUNTIME_ROOT "" CACHE PATH "Where ONNX Runtime lies")
endif()
set(_hints ${ONNXRUNTIME_ROOT} ${ONNXRuntime_ROOT})
if(NOT _hints)
    set(_hints $ENV{ONNXRUNTIME_ROOT})
endif()
set(_only "")
if(_hints)
    # A root that was named is used, or nothing is: never another version in its place.
    set(_only NO_DEFAULT_PATH)
endif()

find_path(ONNXRuntime_INCLUDE_DIR onnxruntime_c_api.h
    HINTS ${_hints}
    PATH_SUFFIXES include include/onnxruntime include/onnxruntime/core/session
        onnxruntime onnxruntime/core/session usr/include/onnxruntime
    ${_only})
find_library(ONNXRuntime_LIBRARY NAMES onnxruntime libonnxruntime.so.1
    HINTS ${_hints}
    PATH_SUFFIXES lib lib64 "lib/${CMAKE_LIBRARY_ARCHITECTURE}" bin
        "usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}"
    ${_only})
find_library(ONNXRuntime_LIBRARY_DEBUG NAMES onnxruntime
    HINTS ${_hints}
    PATH_SUFFIXES debug/lib
    NO_DEFAULT_PATH)

if(ONNXRuntime_INCLUDE_DIR)
    file(STRINGS "${ONNXRuntime_INCLUDE_DIR}/onnxruntime_c_api.h" _line
        REGEX "^#define ORT_API_VERSION [0-9]+" LIMIT_COUNT 1)
    string(REGEX MATCH "[0-9]+$" ONNXRuntime_VERSION_API "${_line}")
    if(ONNXRuntime_VERSION_API)
        set(ONNXRuntime_VERSION "1.${ONNXRuntime_VERSION_API}")
    endif()
endif()
set(_needed ONNXRuntime_LIBRARY ONNXRuntime_INCLUDE_DIR)
if("${ONNXRuntime_FIND_COMPONENTS}" STREQUAL "library")
    set(_needed ONNXRuntime_LIBRARY)
    set(ONNXRuntime_library_FOUND TRUE)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ONNXRuntime
    REQUIRED_VARS ${_needed}
    VERSION_VAR ONNXRuntime_VERSION
    REASON_FAILURE_MESSAGE
        "Unpack a release of ONNX Runtime 1.17 or newer and set ONNXRUNTIME_ROOT to its folder")
mark_as_advanced(ONNXRuntime_INCLUDE_DIR ONNXRuntime_LIBRARY ONNXRuntime_LIBRARY_DEBUG)

if(ONNXRuntime_FOUND AND NOT TARGET ONNXRuntime::ONNXRuntime)
    add_library(ONNXRuntime::ONNXRuntime UNKNOWN IMPORTED)
    set_target_properties(ONNXRuntime::ONNXRuntime PROPERTIES
        IMPORTED_LOCATION "${ONNXRuntime_LIBRARY}")
    if(ONNXRuntime_INCLUDE_DIR)
        set_target_properties(ONNXRuntime::ONNXRuntime PROPERTIES
            INTERFACE_INCLUDE_DIRECTORIES "${ONNXRuntime_INCLUDE_DIR}")
    endif()
    if(ONNXRuntime_LIBRARY_DEBUG)
        set_target_properties(ONNXRuntime::ONNXRuntime PROPERTIES
            IMPORTED_LOCATION_DEBUG "${ONNXRuntime_LIBRARY_DEBUG}")
    endif()
endif()
unset(_hints)
unset(_only)
unset(_needed)
unset(_line)
