"""The typed requests as type checkers see them; ``python -m tools.kling_types`` writes this."""

from typing import Literal, TypeAlias

from fakefal_contracts.kling.kling_input import KlingInput
from fakefal_contracts.kling.objects import AudioOutput as AudioOutput
from fakefal_contracts.kling.objects import CameraControl as CameraControl
from fakefal_contracts.kling.objects import ComboElement as ComboElement
from fakefal_contracts.kling.objects import DynamicMask as DynamicMask
from fakefal_contracts.kling.objects import ImageElement as ImageElement
from fakefal_contracts.kling.objects import OmniElement as OmniElement
from fakefal_contracts.kling.objects import Shot as Shot
from fakefal_contracts.kling.objects import TimedVideoOutput as TimedVideoOutput
from fakefal_contracts.kling.objects import Trajectory as Trajectory
from fakefal_contracts.kling.objects import VideoAndAudioOutput as VideoAndAudioOutput
from fakefal_contracts.kling.objects import VoiceOutput as VoiceOutput
from fakefal_contracts.kling.shared import File as File
from fakefal_contracts.kling.shared import VideoOutput as VideoOutput

_VoiceId: TypeAlias = Literal[
    "genshin_vindi2",
    "zhinen_xuesheng",
    "AOT",
    "ai_shatang",
    "genshin_klee2",
    "genshin_kirara",
    "ai_kaiya",
    "oversea_male1",
    "ai_chenjiahao_712",
    "girlfriend_4_speech02",
    "chat1_female_new-3",
    "chat_0407_5-1",
    "cartoon-boy-07",
    "uk_boy1",
    "cartoon-girl-01",
    "PeppaPig_platform",
    "ai_huangzhong_712",
    "ai_huangyaoshi_712",
    "ai_laoguowang_712",
    "chengshu_jiejie",
    "you_pingjing",
    "calm_story1",
    "uk_man2",
    "laopopo_speech02",
    "heainainai_speech02",
    "reader_en_m-v1",
    "commercial_lady_en_f-v1",
    "tiyuxi_xuedi",
    "tiexin_nanyou",
    "girlfriend_1_speech02",
    "girlfriend_2_speech02",
    "zhuxi_speech02",
    "uk_oldman3",
    "dongbeilaotie_speech02",
    "chongqingxiaohuo_speech02",
    "chuanmeizi_speech02",
    "chaoshandashu_speech02",
    "ai_taiwan_man2_speech02",
    "xianzhanggui_speech02",
    "tianjinjiejie_speech02",
    "diyinnansang_DB_CN_M_04-v2",
    "yizhipiannan-v1",
    "guanxiaofang-v2",
    "tianmeixuemei-v1",
    "daopianyansang-v1",
    "mengwa-v1",
]
_Duration: TypeAlias = Literal["3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"]
_EffectScene: TypeAlias = Literal[
    "hug",
    "kiss",
    "heart_gesture",
    "squish",
    "expansion",
    "fuzzyfuzzy",
    "bloombloom",
    "dizzydizzy",
    "jelly_press",
    "jelly_slice",
    "jelly_squish",
    "jelly_jiggle",
    "pixelpixel",
    "yearbook",
    "instant_film",
    "anime_figure",
    "rocketrocket",
    "fly_fly",
    "disappear",
    "lightning_power",
    "bullet_time",
    "bullet_time_360",
    "media_interview",
    "day_to_night",
    "let's_ride",
    "jumpdrop",
    "swish_swish",
    "running_man",
    "jazz_jazz",
    "swing_swing",
    "skateskate",
    "building_sweater",
    "pure_white_wings",
    "black_wings",
    "golden_wing",
    "pink_pink_wings",
    "rampage_ape",
    "a_list_look",
    "countdown_teleport",
    "firework_2026",
    "instant_christmas",
    "birthday_star",
    "firework",
    "celebration",
    "tiger_hug_pro",
    "pet_lion_pro",
    "guardian_spirit",
    "squeeze_scream",
    "inner_voice",
    "memory_alive",
    "guess_what",
    "eagle_snatch",
    "hug_from_past",
    "instant_kid",
    "dollar_rain",
    "cry_cry",
    "building_collapse",
    "mushroom",
    "jesus_hug",
    "shark_alert",
    "lie_flat",
    "polar_bear_hug",
    "brown_bear_hug",
    "office_escape_plow",
    "watermelon_bomb",
    "boss_coming",
    "wig_out",
    "car_explosion",
    "tiger_hug",
    "siblings",
    "construction_worker",
    "snatched",
    "felt_felt",
    "plushcut",
    "drunk_dance",
    "drunk_dance_pet",
    "daoma_dance",
    "bouncy_dance",
    "smooth_sailing_dance",
    "new_year_greeting",
    "lion_dance",
    "prosperity",
    "great_success",
    "golden_horse_fortune",
    "red_packet_box",
    "lucky_horse_year",
    "lucky_red_packet",
    "lucky_money_come",
    "lion_dance_pet",
    "dumpling_making_pet",
    "fish_making_pet",
    "pet_red_packet",
    "lantern_glow",
    "expression_challenge",
    "overdrive",
    "heart_gesture_dance",
    "poping",
    "martial_arts",
    "running",
    "nezha",
    "motorcycle_dance",
    "subject_3_dance",
    "ghost_step_dance",
    "phantom_jewel",
    "zoom_out",
    "cheers_2026",
    "kiss_pro",
    "fight_pro",
    "hug_pro",
    "heart_gesture_pro",
    "dollar_rain_pro",
    "pet_bee_pro",
    "santa_random_surprise",
    "magic_match_tree",
    "happy_birthday",
    "thumbs_up_pro",
    "surprise_bouquet",
    "bouquet_drop",
    "3d_cartoon_1_pro",
    "glamour_photo_shoot",
    "box_of_joy",
    "first_toast_of_the_year",
    "my_santa_pic",
    "santa_gift",
    "steampunk_christmas",
    "snowglobe",
    "christmas_photo_shoot",
    "ornament_crash",
    "santa_express",
    "particle_santa_surround",
    "coronation_of_frost",
    "spark_in_the_snow",
    "scarlet_and_snow",
    "cozy_toon_wrap",
    "bullet_time_lite",
    "magic_cloak",
    "balloon_parade",
    "jumping_ginger_joy",
    "c4d_cartoon_pro",
    "venomous_spider",
    "throne_of_king",
    "luminous_elf",
    "woodland_elf",
    "japanese_anime_1",
    "american_comics",
    "snowboarding",
    "witch_transform",
    "vampire_transform",
    "pumpkin_head_transform",
    "demon_transform",
    "mummy_transform",
    "zombie_transform",
    "cute_pumpkin_transform",
    "cute_ghost_transform",
    "knock_knock_halloween",
    "halloween_escape",
    "baseball",
    "korean_baseball",
    "trampoline",
    "trampoline_night",
    "pucker_up",
    "feed_mooncake",
    "flyer",
    "dishwasher",
    "pet_chinese_opera",
    "magic_fireball",
    "gallery_ring",
    "pet_moto_rider",
    "muscle_pet",
    "pet_delivery",
    "mythic_style",
    "steampunk",
    "3d_cartoon_2",
    "pet_chef",
    "santa_gifts",
    "santa_hug",
    "girlfriend",
    "boyfriend",
    "heart_gesture_1",
    "pet_wizard",
    "smoke_smoke",
    "gun_shot",
    "double_gun",
    "pet_warrior",
    "long_hair",
    "pet_dance",
    "wool_curly",
    "pet_bee",
    "marry_me",
    "piggy_morph",
    "ski_ski",
    "magic_broom",
    "splashsplash",
    "surfsurf",
    "fairy_wing",
    "angel_wing",
    "dark_wing",
    "emoji",
]
_CameraControl: TypeAlias = Literal["down_back", "forward_up", "right_turn_forward", "left_turn_forward"]

class KlingAiAvatarV2Pro(KlingInput):
    """Arguments of fal-ai/kling-video/ai-avatar/v2/pro."""

    image_url: str
    audio_url: str
    prompt: str = "."

    @classmethod
    def output_type(cls) -> type[TimedVideoOutput]: ...

class KlingAiAvatarV2Standard(KlingInput):
    """Arguments of fal-ai/kling-video/ai-avatar/v2/standard."""

    image_url: str
    audio_url: str
    prompt: str = "."

    @classmethod
    def output_type(cls) -> type[TimedVideoOutput]: ...

class KlingCreateVoice(KlingInput):
    """Arguments of fal-ai/kling-video/create-voice."""

    voice_url: str

    @classmethod
    def output_type(cls) -> type[VoiceOutput]: ...

class KlingLipsyncAudioToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/lipsync/audio-to-video."""

    video_url: str
    audio_url: str

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingLipsyncTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/lipsync/text-to-video."""

    video_url: str
    text: str
    voice_id: _VoiceId
    voice_language: Literal["zh", "en"] = "en"
    voice_speed: float = 1

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO1ImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/o1/image-to-video."""

    prompt: str
    start_image_url: str
    end_image_url: str | None = None
    duration: Literal["3", "4", "5", "6", "7", "8", "9", "10"] = "5"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO1ReferenceToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/o1/reference-to-video."""

    prompt: str
    image_urls: list[str] | None = None
    elements: list[OmniElement] | None = None
    duration: Literal["3", "4", "5", "6", "7", "8", "9", "10"] = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO1StandardImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/o1/standard/image-to-video."""

    prompt: str
    start_image_url: str
    end_image_url: str | None = None
    duration: Literal["3", "4", "5", "6", "7", "8", "9", "10"] = "5"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO1StandardReferenceToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/o1/standard/reference-to-video."""

    prompt: str
    image_urls: list[str] | None = None
    elements: list[OmniElement] | None = None
    duration: Literal["3", "4", "5", "6", "7", "8", "9", "10"] = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO1StandardVideoToVideoEdit(KlingInput):
    """Arguments of fal-ai/kling-video/o1/standard/video-to-video/edit."""

    prompt: str
    video_url: str
    keep_audio: bool = False
    image_urls: list[str] | None = None
    elements: list[OmniElement] | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO1StandardVideoToVideoReference(KlingInput):
    """Arguments of fal-ai/kling-video/o1/standard/video-to-video/reference."""

    prompt: str
    video_url: str
    keep_audio: bool = False
    image_urls: list[str] | None = None
    elements: list[OmniElement] | None = None
    aspect_ratio: Literal["auto", "16:9", "9:16", "1:1"] = "auto"
    duration: Literal["3", "4", "5", "6", "7", "8", "9", "10"] = "5"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO1VideoToVideoEdit(KlingInput):
    """Arguments of fal-ai/kling-video/o1/video-to-video/edit."""

    prompt: str
    video_url: str
    keep_audio: bool = False
    image_urls: list[str] | None = None
    elements: list[OmniElement] | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO1VideoToVideoReference(KlingInput):
    """Arguments of fal-ai/kling-video/o1/video-to-video/reference."""

    prompt: str
    video_url: str
    keep_audio: bool = False
    image_urls: list[str] | None = None
    elements: list[OmniElement] | None = None
    aspect_ratio: Literal["auto", "16:9", "9:16", "1:1"] = "auto"
    duration: Literal["3", "4", "5", "6", "7", "8", "9", "10"] = "5"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO34kImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/o3/4k/image-to-video."""

    prompt: str | None = None
    image_url: str
    end_image_url: str | None = None
    duration: _Duration = "5"
    generate_audio: bool = False
    multi_prompt: list[Shot] | None = None
    shot_type: Literal["customize", "intelligent"] = "customize"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO34kReferenceToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/o3/4k/reference-to-video."""

    prompt: str | None = None
    multi_prompt: list[Shot] | None = None
    start_image_url: str | None = None
    end_image_url: str | None = None
    image_urls: list[str] | None = None
    elements: list[ComboElement] | None = None
    generate_audio: bool = False
    duration: _Duration = "5"
    shot_type: Literal["customize", "intelligent"] = "customize"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO34kTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/o3/4k/text-to-video."""

    prompt: str | None = None
    duration: _Duration = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    generate_audio: bool = False
    multi_prompt: list[Shot] | None = None
    shot_type: Literal["customize", "intelligent"] = "customize"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO3ProImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/o3/pro/image-to-video."""

    prompt: str | None = None
    image_url: str
    end_image_url: str | None = None
    duration: _Duration = "5"
    generate_audio: bool = False
    multi_prompt: list[Shot] | None = None
    shot_type: Literal["customize", "intelligent"] = "customize"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO3ProReferenceToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/o3/pro/reference-to-video."""

    prompt: str | None = None
    multi_prompt: list[Shot] | None = None
    start_image_url: str | None = None
    end_image_url: str | None = None
    image_urls: list[str] | None = None
    elements: list[ComboElement] | None = None
    generate_audio: bool = False
    duration: _Duration = "5"
    shot_type: Literal["customize", "intelligent"] = "customize"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO3ProTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/o3/pro/text-to-video."""

    prompt: str | None = None
    duration: _Duration = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    generate_audio: bool = False
    multi_prompt: list[Shot] | None = None
    shot_type: Literal["customize", "intelligent"] = "customize"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO3ProVideoToVideoEdit(KlingInput):
    """Arguments of fal-ai/kling-video/o3/pro/video-to-video/edit."""

    prompt: str
    video_url: str
    image_urls: list[str] | None = None
    keep_audio: bool = True
    elements: list[ImageElement] | None = None
    shot_type: Literal["customize"] = "customize"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO3ProVideoToVideoReference(KlingInput):
    """Arguments of fal-ai/kling-video/o3/pro/video-to-video/reference."""

    prompt: str
    video_url: str
    image_urls: list[str] | None = None
    keep_audio: bool = True
    elements: list[ImageElement] | None = None
    shot_type: Literal["customize"] = "customize"
    aspect_ratio: Literal["auto", "16:9", "9:16", "1:1"] = "auto"
    duration: _Duration | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO3StandardImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/o3/standard/image-to-video."""

    prompt: str | None = None
    image_url: str
    end_image_url: str | None = None
    duration: _Duration = "5"
    generate_audio: bool = False
    multi_prompt: list[Shot] | None = None
    shot_type: Literal["customize", "intelligent"] = "customize"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO3StandardReferenceToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/o3/standard/reference-to-video."""

    prompt: str | None = None
    multi_prompt: list[Shot] | None = None
    start_image_url: str | None = None
    end_image_url: str | None = None
    image_urls: list[str] | None = None
    elements: list[ComboElement] | None = None
    generate_audio: bool = False
    duration: _Duration = "5"
    shot_type: Literal["customize", "intelligent"] = "customize"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO3StandardTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/o3/standard/text-to-video."""

    prompt: str | None = None
    duration: _Duration = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    generate_audio: bool = False
    multi_prompt: list[Shot] | None = None
    shot_type: Literal["customize", "intelligent"] = "customize"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO3StandardVideoToVideoEdit(KlingInput):
    """Arguments of fal-ai/kling-video/o3/standard/video-to-video/edit."""

    prompt: str
    video_url: str
    image_urls: list[str] | None = None
    keep_audio: bool = True
    elements: list[ImageElement] | None = None
    shot_type: Literal["customize"] = "customize"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingO3StandardVideoToVideoReference(KlingInput):
    """Arguments of fal-ai/kling-video/o3/standard/video-to-video/reference."""

    prompt: str
    video_url: str
    image_urls: list[str] | None = None
    keep_audio: bool = True
    elements: list[ImageElement] | None = None
    shot_type: Literal["customize"] = "customize"
    aspect_ratio: Literal["auto", "16:9", "9:16", "1:1"] = "auto"
    duration: _Duration | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV15ProEffects(KlingInput):
    """Arguments of fal-ai/kling-video/v1.5/pro/effects."""

    input_image_urls: list[str] = ...
    effect_scene: _EffectScene
    duration: Literal["5", "10"] = "5"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV15ProImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v1.5/pro/image-to-video."""

    prompt: str
    image_url: str
    duration: Literal["5", "10"] = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    tail_image_url: str | None = None
    negative_prompt: str = ...
    cfg_scale: float = 0.5
    static_mask_url: str | None = None
    dynamic_masks: list[DynamicMask] | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV15ProTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v1.5/pro/text-to-video."""

    prompt: str
    duration: Literal["5", "10"] = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV16ProEffects(KlingInput):
    """Arguments of fal-ai/kling-video/v1.6/pro/effects."""

    input_image_urls: list[str] = ...
    effect_scene: _EffectScene
    duration: Literal["5", "10"] = "5"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV16ProElements(KlingInput):
    """Arguments of fal-ai/kling-video/v1.6/pro/elements."""

    prompt: str
    input_image_urls: list[str]
    duration: Literal["5", "10"] = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    negative_prompt: str = ...

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV16ProImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v1.6/pro/image-to-video."""

    prompt: str
    image_url: str
    duration: Literal["5", "10"] = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    tail_image_url: str | None = None
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV16ProTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v1.6/pro/text-to-video."""

    prompt: str
    duration: Literal["5", "10"] = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV16StandardEffects(KlingInput):
    """Arguments of fal-ai/kling-video/v1.6/standard/effects."""

    input_image_urls: list[str] = ...
    effect_scene: _EffectScene
    duration: Literal["5", "10"] = "5"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV16StandardElements(KlingInput):
    """Arguments of fal-ai/kling-video/v1.6/standard/elements."""

    prompt: str
    input_image_urls: list[str]
    duration: Literal["5", "10"] = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    negative_prompt: str = ...

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV16StandardImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v1.6/standard/image-to-video."""

    prompt: str
    image_url: str
    duration: Literal["5", "10"] = "5"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV16StandardTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v1.6/standard/text-to-video."""

    prompt: str
    duration: Literal["5", "10"] = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV1ProAiAvatar(KlingInput):
    """Arguments of fal-ai/kling-video/v1/pro/ai-avatar."""

    image_url: str
    audio_url: str
    prompt: str = "."

    @classmethod
    def output_type(cls) -> type[TimedVideoOutput]: ...

class KlingV1StandardAiAvatar(KlingInput):
    """Arguments of fal-ai/kling-video/v1/standard/ai-avatar."""

    image_url: str
    audio_url: str
    prompt: str = "."

    @classmethod
    def output_type(cls) -> type[TimedVideoOutput]: ...

class KlingV1StandardEffects(KlingInput):
    """Arguments of fal-ai/kling-video/v1/standard/effects."""

    input_image_urls: list[str] = ...
    effect_scene: _EffectScene
    duration: Literal["5", "10"] = "5"

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV1StandardImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v1/standard/image-to-video."""

    prompt: str
    image_url: str
    duration: Literal["5", "10"] = "5"
    negative_prompt: str = ...
    cfg_scale: float = 0.5
    tail_image_url: str | None = None
    static_mask_url: str | None = None
    dynamic_masks: list[DynamicMask] | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV1StandardTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v1/standard/text-to-video."""

    prompt: str
    duration: Literal["5", "10"] = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    negative_prompt: str = ...
    cfg_scale: float = 0.5
    camera_control: _CameraControl | None = None
    advanced_camera_control: CameraControl | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV1Tts(KlingInput):
    """Arguments of fal-ai/kling-video/v1/tts."""

    text: str
    voice_id: _VoiceId = "genshin_vindi2"
    voice_speed: float = 1

    @classmethod
    def output_type(cls) -> type[AudioOutput]: ...

class KlingV21MasterImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v2.1/master/image-to-video."""

    prompt: str
    image_url: str
    duration: Literal["5", "10"] = "5"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV21MasterTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v2.1/master/text-to-video."""

    prompt: str
    duration: Literal["5", "10"] = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV21ProImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v2.1/pro/image-to-video."""

    prompt: str
    image_url: str
    duration: Literal["5", "10"] = "5"
    negative_prompt: str = ...
    cfg_scale: float = 0.5
    tail_image_url: str | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV21StandardImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v2.1/standard/image-to-video."""

    prompt: str
    image_url: str
    duration: Literal["5", "10"] = "5"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV25TurboProImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v2.5-turbo/pro/image-to-video."""

    prompt: str
    image_url: str
    duration: Literal["5", "10"] = "5"
    negative_prompt: str = ...
    cfg_scale: float = 0.5
    tail_image_url: str | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV25TurboProTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v2.5-turbo/pro/text-to-video."""

    prompt: str
    duration: Literal["5", "10"] = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV25TurboStandardImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v2.5-turbo/standard/image-to-video."""

    prompt: str
    image_url: str
    duration: Literal["5", "10"] = "5"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV26ProImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v2.6/pro/image-to-video."""

    prompt: str
    start_image_url: str
    duration: Literal["5", "10"] = "5"
    negative_prompt: str = ...
    generate_audio: bool = True
    voice_ids: list[str] | None = None
    end_image_url: str | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV26ProMotionControl(KlingInput):
    """Arguments of fal-ai/kling-video/v2.6/pro/motion-control."""

    prompt: str | None = None
    image_url: str
    video_url: str
    keep_original_sound: bool = True
    character_orientation: Literal["image", "video"]

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV26ProTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v2.6/pro/text-to-video."""

    prompt: str
    duration: Literal["5", "10"] = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    negative_prompt: str = ...
    cfg_scale: float = 0.5
    generate_audio: bool = True

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV26StandardMotionControl(KlingInput):
    """Arguments of fal-ai/kling-video/v2.6/standard/motion-control."""

    prompt: str | None = None
    image_url: str
    video_url: str
    keep_original_sound: bool = True
    character_orientation: Literal["image", "video"]

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV2MasterImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v2/master/image-to-video."""

    prompt: str
    image_url: str
    duration: Literal["5", "10"] = "5"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV2MasterTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v2/master/text-to-video."""

    prompt: str
    duration: Literal["5", "10"] = "5"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV34kImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v3/4k/image-to-video."""

    prompt: str | None = None
    multi_prompt: list[Shot] | None = None
    start_image_url: str
    duration: _Duration = "5"
    generate_audio: bool = True
    end_image_url: str | None = None
    elements: list[ComboElement] | None = None
    shot_type: Literal["customize", "intelligent"] = "customize"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV34kTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v3/4k/text-to-video."""

    prompt: str | None = None
    duration: _Duration = "5"
    multi_prompt: list[Shot] | None = None
    generate_audio: bool = True
    shot_type: Literal["customize", "intelligent"] = "customize"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV3ProImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v3/pro/image-to-video."""

    prompt: str | None = None
    multi_prompt: list[Shot] | None = None
    start_image_url: str
    duration: _Duration = "5"
    generate_audio: bool = True
    end_image_url: str | None = None
    elements: list[ComboElement] | None = None
    shot_type: Literal["customize", "intelligent"] = "customize"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV3ProMotionControl(KlingInput):
    """Arguments of fal-ai/kling-video/v3/pro/motion-control."""

    prompt: str | None = None
    image_url: str
    video_url: str
    keep_original_sound: bool = True
    character_orientation: Literal["image", "video"]
    elements: list[ImageElement] | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV3ProTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v3/pro/text-to-video."""

    prompt: str | None = None
    duration: _Duration = "5"
    multi_prompt: list[Shot] | None = None
    generate_audio: bool = True
    shot_type: Literal["customize", "intelligent"] = "customize"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV3StandardImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v3/standard/image-to-video."""

    prompt: str | None = None
    multi_prompt: list[Shot] | None = None
    start_image_url: str
    duration: _Duration = "5"
    generate_audio: bool = True
    end_image_url: str | None = None
    elements: list[ComboElement] | None = None
    shot_type: Literal["customize", "intelligent"] = "customize"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV3StandardMotionControl(KlingInput):
    """Arguments of fal-ai/kling-video/v3/standard/motion-control."""

    prompt: str | None = None
    image_url: str
    video_url: str
    keep_original_sound: bool = True
    character_orientation: Literal["image", "video"]
    elements: list[ImageElement] | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV3StandardTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v3/standard/text-to-video."""

    prompt: str | None = None
    duration: _Duration = "5"
    multi_prompt: list[Shot] | None = None
    generate_audio: bool = True
    shot_type: Literal["customize", "intelligent"] = "customize"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    negative_prompt: str = ...
    cfg_scale: float = 0.5

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV3TurboProImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v3/turbo/pro/image-to-video."""

    duration: _Duration = "5"
    image_url: str
    multi_prompt: list[Shot] | None = None
    prompt: str | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV3TurboProTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v3/turbo/pro/text-to-video."""

    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    duration: _Duration = "5"
    multi_prompt: list[Shot] | None = None
    prompt: str | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV3TurboStandardImageToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v3/turbo/standard/image-to-video."""

    duration: _Duration = "5"
    image_url: str
    multi_prompt: list[Shot] | None = None
    prompt: str | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingV3TurboStandardTextToVideo(KlingInput):
    """Arguments of fal-ai/kling-video/v3/turbo/standard/text-to-video."""

    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    duration: _Duration = "5"
    multi_prompt: list[Shot] | None = None
    prompt: str | None = None

    @classmethod
    def output_type(cls) -> type[VideoOutput]: ...

class KlingVideoToAudio(KlingInput):
    """Arguments of fal-ai/kling-video/video-to-audio."""

    video_url: str
    sound_effect_prompt: str | None = ...
    background_music_prompt: str | None = "intense car race"
    asmr_mode: bool = False

    @classmethod
    def output_type(cls) -> type[VideoAndAudioOutput]: ...

__all__ = [
    "AudioOutput",
    "CameraControl",
    "ComboElement",
    "DynamicMask",
    "File",
    "ImageElement",
    "KlingAiAvatarV2Pro",
    "KlingAiAvatarV2Standard",
    "KlingCreateVoice",
    "KlingLipsyncAudioToVideo",
    "KlingLipsyncTextToVideo",
    "KlingO1ImageToVideo",
    "KlingO1ReferenceToVideo",
    "KlingO1StandardImageToVideo",
    "KlingO1StandardReferenceToVideo",
    "KlingO1StandardVideoToVideoEdit",
    "KlingO1StandardVideoToVideoReference",
    "KlingO1VideoToVideoEdit",
    "KlingO1VideoToVideoReference",
    "KlingO3ProImageToVideo",
    "KlingO3ProReferenceToVideo",
    "KlingO3ProTextToVideo",
    "KlingO3ProVideoToVideoEdit",
    "KlingO3ProVideoToVideoReference",
    "KlingO3StandardImageToVideo",
    "KlingO3StandardReferenceToVideo",
    "KlingO3StandardTextToVideo",
    "KlingO3StandardVideoToVideoEdit",
    "KlingO3StandardVideoToVideoReference",
    "KlingO34kImageToVideo",
    "KlingO34kReferenceToVideo",
    "KlingO34kTextToVideo",
    "KlingV1ProAiAvatar",
    "KlingV1StandardAiAvatar",
    "KlingV1StandardEffects",
    "KlingV1StandardImageToVideo",
    "KlingV1StandardTextToVideo",
    "KlingV1Tts",
    "KlingV2MasterImageToVideo",
    "KlingV2MasterTextToVideo",
    "KlingV3ProImageToVideo",
    "KlingV3ProMotionControl",
    "KlingV3ProTextToVideo",
    "KlingV3StandardImageToVideo",
    "KlingV3StandardMotionControl",
    "KlingV3StandardTextToVideo",
    "KlingV3TurboProImageToVideo",
    "KlingV3TurboProTextToVideo",
    "KlingV3TurboStandardImageToVideo",
    "KlingV3TurboStandardTextToVideo",
    "KlingV15ProEffects",
    "KlingV15ProImageToVideo",
    "KlingV15ProTextToVideo",
    "KlingV16ProEffects",
    "KlingV16ProElements",
    "KlingV16ProImageToVideo",
    "KlingV16ProTextToVideo",
    "KlingV16StandardEffects",
    "KlingV16StandardElements",
    "KlingV16StandardImageToVideo",
    "KlingV16StandardTextToVideo",
    "KlingV21MasterImageToVideo",
    "KlingV21MasterTextToVideo",
    "KlingV21ProImageToVideo",
    "KlingV21StandardImageToVideo",
    "KlingV25TurboProImageToVideo",
    "KlingV25TurboProTextToVideo",
    "KlingV25TurboStandardImageToVideo",
    "KlingV26ProImageToVideo",
    "KlingV26ProMotionControl",
    "KlingV26ProTextToVideo",
    "KlingV26StandardMotionControl",
    "KlingV34kImageToVideo",
    "KlingV34kTextToVideo",
    "KlingVideoToAudio",
    "OmniElement",
    "Shot",
    "TimedVideoOutput",
    "Trajectory",
    "VideoAndAudioOutput",
    "VideoOutput",
    "VoiceOutput",
]

def request_name(endpoint_id: str) -> str: ...
def __dir__() -> list[str]: ...
